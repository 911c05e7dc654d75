"""What a process may remember for a few seconds instead of asking Postgres on every request."""

from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from core import clock

_MOST_KEYS = 10_000
_all: "WeakSet[Fresh[Any, Any]]" = WeakSet()


class Fresh[K, V]:
    """Values by key, each at most `seconds` old. Thread-safe: two threads at worst load the same value twice."""

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self._kept: dict[K, tuple[float, V]] = {}
        _all.add(self)

    def get(self, key: K, load: Callable[[K], V]) -> V:
        now = clock.monotonic()
        kept = self._kept.get(key)
        if kept and now < kept[0]:
            return kept[1]
        if len(self._kept) >= _MOST_KEYS:
            self._kept.clear()
        value = load(key)
        self._kept[key] = (now + self._seconds, value)
        return value

    def forget(self) -> None:
        self._kept.clear()


def forget_everything() -> None:
    """Ask Postgres again for all of it."""
    for fresh in _all:
        fresh.forget()
