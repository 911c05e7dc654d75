"""Figures as they are printed: per contender the bursts' median, least and most, and ratios within a round."""

import statistics
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """One measurement, what was wrong with the books after it, and whether the machine was quiet meanwhile."""

    values: dict[str, float]
    errors: list[str] = field(default_factory=list)
    is_quiet: bool = True


@dataclass(slots=True, kw_only=True)
class Result:
    """All bursts of one contender under the same parameters."""

    bench: str
    contender: str
    params: dict[str, Any]
    bursts: list[Burst] = field(default_factory=list)
    ratio: dict[str, float] = field(default_factory=dict)

    def add(self, burst: Burst) -> None:
        self.bursts.append(burst)

    def compare(self, other: "Result", figure: str) -> None:
        """The median of the ratios of bursts of the same round."""
        pairs = zip(self.bursts, other.bursts, strict=True)
        ratios = [mine.values[figure] / theirs.values[figure] for mine, theirs in pairs if theirs.values[figure]]
        self.ratio[f"{other.contender}_{figure}"] = round(statistics.median(ratios), 3)

    @property
    def errors(self) -> list[str]:
        return [error for burst in self.bursts for error in burst.errors]

    def as_json(self) -> dict[str, Any]:
        names = dict.fromkeys(name for burst in self.bursts for name in burst.values)
        return {
            "bench": self.bench,
            "contender": self.contender,
            "params": self.params,
            "rounds": len(self.bursts),
            "quiet": sum(burst.is_quiet for burst in self.bursts),
            "values": {name: self._spread(name) for name in names},
            "errors": self.errors,
            "ratio": self.ratio,
        }

    def line(self) -> str:
        """One row of the table for people."""
        figures = "  ".join(f"{name} {value['median']:g}" for name, value in self.as_json()["values"].items())
        ratios = "  ".join(f"{name} x{value:g}" for name, value in self.ratio.items())
        wrong = f"  WRONG: {'; '.join(self.errors)}" if self.errors else ""
        noisy = "" if all(burst.is_quiet for burst in self.bursts) else "  (noisy)"
        return f"{self.bench:10} {self.contender:8} {self.params}  {figures}  {ratios}{noisy}{wrong}"

    def _spread(self, name: str) -> dict[str, float]:
        values = [burst.values[name] for burst in self.bursts if name in burst.values]
        return {"median": round(statistics.median(values), 3), "min": min(values), "max": max(values)}
