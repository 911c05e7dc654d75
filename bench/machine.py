"""What the machine did meanwhile: CPU and memory of process trees, and how much of it was somebody else's work."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
# A burst with more foreign work than this is repeated, and in the end marked.
QUIET_CORES = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """CPU seconds of each named tree, and the cores that the rest of the machine used."""

    cpu_seconds: dict[str, float]
    foreign_cores: float

    @property
    def is_quiet(self) -> bool:
        return self.foreign_cores < QUIET_CORES


def measured[T](trees: Mapping[str, int], work: Callable[[], T]) -> tuple[T, Usage]:
    """Do the work and say what it cost; `trees` names the root process of each part that is ours."""
    before, busy, children, started = _trees(trees), _busy(), os.times(), time.monotonic()
    result = work()
    seconds = time.monotonic() - started
    after, ours = _trees(trees), os.times()
    spent = {name: after[name] - before[name] for name in trees}
    # The load generator and this process itself are ours too.
    own = sum(ours[:4]) - sum(children[:4])
    foreign = (_busy() - busy - sum(spent.values()) - own) / seconds
    return result, Usage(cpu_seconds=spent, foreign_cores=round(max(foreign, 0), 2))


def pss_mb(root: int) -> float:
    """The memory of a process tree, shared pages counted in parts."""
    total = 0
    for pid in tree(root):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def tree(root: int) -> list[int]:
    """A process and all below it."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                waiting += [int(child) for child in children.read_text().split()]
            except OSError:
                continue
    return found


def facts() -> dict[str, object]:
    """What this machine is."""
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {"cores": os.cpu_count(), "mem_gb": round(int(memory.split()[1]) / 2**20), "kernel": os.uname().release}


def _trees(trees: Mapping[str, int]) -> dict[str, float]:
    return {name: sum(_cpu(pid) for pid in tree(root)) for name, root in trees.items()}


def _cpu(pid: int) -> float:
    """User and system seconds of a process and of those it has waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / _TICKS


def _busy() -> float:
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / _TICKS
