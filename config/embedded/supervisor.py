"""Keeps processes running: a child that ends is started again, with growing patience, and it is said."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from config.embedded.processes import Process

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 30.0
# Whoever ran this long was well: its next end is met with the first wait again.
_WELL_AFTER_SECONDS = 60.0


@dataclass(slots=True, kw_only=True)
class _Patience:
    started_at: float
    wait_seconds: float = _FIRST_WAIT_SECONDS
    restart_at: float | None = None


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """The children by name, each with the way to start it again."""

    say: Callable[[str], None]
    _children: dict[str, Process] = field(default_factory=dict)
    _restarts: dict[str, Callable[[], Process]] = field(default_factory=dict)
    _patience: dict[str, _Patience] = field(default_factory=dict)

    def watch(self, process: Process, *, restart: Callable[[], Process]) -> None:
        """Look after a process that was started; `restart` starts it anew and answers what took its place."""
        self._children[process.name] = process
        self._restarts[process.name] = restart
        self._patience[process.name] = _Patience(started_at=time.monotonic())

    def processes(self) -> list[Process]:
        """In the order in which they were first started."""
        return list(self._children.values())

    def look(self) -> bool:
        """Start again whoever ended and has waited long enough; True when somebody was started."""
        ended = [name for name, process in self._children.items() if not process.is_running]
        restarted = [name for name in ended if self._meet_end(name)]
        return bool(restarted)

    def _meet_end(self, name: str) -> bool:
        now, process, patience = time.monotonic(), self._children[name], self._patience[name]
        if patience.restart_at is None:
            if now - patience.started_at > _WELL_AFTER_SECONDS:
                patience.wait_seconds = _FIRST_WAIT_SECONDS
            patience.restart_at = now + patience.wait_seconds
            self.say(
                f"{name} ended ({process.how_it_ended}); starting it again in {patience.wait_seconds:.0f} s,"
                f" see {process.log}"
            )
        if now < patience.restart_at:
            return False
        # Its own children, if any outlived it, would hold its port.
        process.stop(grace_seconds=0)
        self._children[name] = self._restarts[name]()
        self._patience[name] = _Patience(
            started_at=time.monotonic(), wait_seconds=min(patience.wait_seconds * 2, _LONGEST_WAIT_SECONDS)
        )
        self.say(f"{name} runs again")
        return True
