"""How much each process grows while something happens: its peak, as the kernel keeps it, over what it had before."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

from bench.machine import tree

EVERY_SECONDS = 0.05
# Written to clear_refs, it makes the peak begin anew (proc(5)).
_RESET_PEAK = "5"


@dataclass(slots=True)
class _Seen:
    base_kb: int
    peak_kb: int = 0


@dataclass(slots=True)
class Growth:
    """Resident memory of every process of some trees, for as long as the block lasts. Linux only.

    The kernel's own peak leaves nothing out between two looks; the looks find processes that come and go.
    """

    trees: Mapping[str, int]
    _seen: dict[tuple[str, int], _Seen] = field(default_factory=dict)
    _is_over: Event = field(default_factory=Event)
    _watcher: Thread | None = None

    def __enter__(self) -> Self:
        for name, root in self.trees.items():
            for pid in tree(root):
                Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)
                self._look(name, pid)
        self._watcher = Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over.set()
        assert self._watcher
        self._watcher.join()
        self._look_at_all()

    def values(self) -> dict[str, float]:
        """For each tree, in MB: by how much its hungriest process grew, and the highest peak of a process."""
        values = {}
        for name in self.trees:
            seen = [one for (tree_name, _), one in self._seen.items() if tree_name == name]
            values[f"{name}_growth_mb"] = round(max(one.peak_kb - one.base_kb for one in seen) / 1024, 1)
            values[f"{name}_peak_mb"] = round(max(one.peak_kb for one in seen) / 1024, 1)
        return values

    def _watch(self) -> None:
        while not self._is_over.wait(EVERY_SECONDS):
            self._look_at_all()

    def _look_at_all(self) -> None:
        for name, root in self.trees.items():
            for pid in tree(root):
                self._look(name, pid)

    def _look(self, name: str, pid: int) -> None:
        facts = _status(pid)
        if facts is None:
            return
        resident, peak = facts
        seen = self._seen.setdefault((name, pid), _Seen(base_kb=resident))
        seen.peak_kb = max(seen.peak_kb, peak)


def settle(seconds: float = 1.0) -> None:
    """Let processes that have just answered come to rest."""
    time.sleep(seconds)


def _status(pid: int) -> tuple[int, int] | None:
    """Resident memory now and at its peak, in KB; None for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    found = {name: line for line in lines for name in ("VmRSS", "VmHWM") if line.startswith(name)}
    if len(found) < 2:
        return None
    return int(found["VmRSS"].split()[1]), int(found["VmHWM"].split()[1])
