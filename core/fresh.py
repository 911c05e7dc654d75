"""What a process may remember for a while instead of asking Postgres on every request."""

from collections.abc import Callable

from core import changes, clock

_MOST_KEYS = 10_000


class Fresh[K, V]:
    """Values by key. Thread-safe: two threads at worst load the same value twice.

    A value is at most `seconds` old, or `told_seconds` while this process hears of changes (core.changes); it is
    loaded again after any change.
    """

    def __init__(self, *, seconds: float, told_seconds: float = 0) -> None:
        self._seconds, self._told_seconds = seconds, told_seconds
        self._kept: dict[K, tuple[float, V]] = {}

    def get(self, key: K, load: Callable[[K], V]) -> V:
        """The value remembered, or loaded now; what `load` raises is raised, and remembered nowhere."""
        now, listener = clock.monotonic(), changes.listener()
        if kept := self._kept.get(key):
            read_at, value = kept
            age = now - read_at
            if read_at > listener.changed_at and (
                age < self._seconds or (age < self._told_seconds and listener.has_heard_all_since(read_at))
            ):
                return value
        value = load(key)
        if len(self._kept) >= _MOST_KEYS:
            self._kept.clear()
        self._kept[key] = (now, value)
        return value

    def forget(self) -> None:
        """Load everything anew at its next question, in this process."""
        self._kept.clear()
