"""Carries this process's best-effort messages to Valkey on a thread of its own, many in one round trip.

Whoever hands one over goes on at once: neither a request nor an attempt ever waits for Valkey. Order is kept within
the process. What Valkey does not take is dropped, as everything that goes this way may be lost.
"""

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import Any

import structlog

from core import valkey

# (the command, what to do with the answer)
type Letter = tuple[tuple[str | int, ...], Callable[[Any], None] | None]

# After a delivery more letters gather for this long: the price of a busy process's round trips, shared.
_GATHER_SECONDS = 0.003
_MOST_WAITING = 10_000
_MOST_AT_ONCE = 500
_LAST_SECONDS = 0.5

log = structlog.get_logger(__name__)


class Postman:
    """One per process, started by its first letter."""

    def __init__(self) -> None:
        self._letters: deque[Letter] = deque(maxlen=_MOST_WAITING)
        self._has_letters = threading.Event()
        self._is_idle = threading.Event()
        self._is_idle.set()
        threading.Thread(target=self._work, name="postman", daemon=True).start()

    def take(self, letter: Letter) -> None:
        """Any thread; never blocks."""
        self._letters.append(letter)
        self._is_idle.clear()
        self._has_letters.set()

    def finish(self, seconds: float) -> bool:
        """Wait until all that was handed over is delivered or dropped."""
        return self._is_idle.wait(seconds)

    def _work(self) -> None:
        while True:
            self._has_letters.wait()
            self._has_letters.clear()
            while self._letters:
                batch = [self._letters.popleft() for _ in range(min(len(self._letters), _MOST_AT_ONCE))]
                try:
                    self._deliver(batch)
                except Exception:
                    log.exception("postman.delivery_broke")
                time.sleep(_GATHER_SECONDS)
            self._is_idle.set()

    def _deliver(self, batch: list[Letter]) -> None:
        answers = valkey.quietly(lambda: valkey.ask(*(command for command, _ in batch)))
        for (_, then), answer in zip(batch, answers or (), strict=False):
            if then:
                then(answer)


@cache
def _postman() -> Postman:
    return Postman()


# A forked process has none of its parent's threads.
os.register_at_fork(after_in_child=_postman.cache_clear)


def publish(channel: str, message: str) -> None:
    """Tell whoever follows the channel. Best effort; call it after the commit."""
    _postman().take((("PUBLISH", channel, message), None))


def mark(name: str, *, milliseconds: int, then: Callable[[], None]) -> None:
    """Set a mark that lives so long, and if it was not there, do `then` on the postman's thread. Best effort."""
    _postman().take((("SET", name, 1, "NX", "PX", milliseconds), lambda was_set: then() if was_set else None))


@atexit.register
def finish() -> None:
    """Give the last letters half a second; also for tests that look at what arrived."""
    if _postman.cache_info().currsize:
        _postman().finish(_LAST_SECONDS)
