"""A breaker: after a failure nobody waits for the same thing again for a while."""

from threading import Lock

from core import clock


class Breaker:
    """Opens at a failure for `open_seconds`, then lets one probe through; its success closes the breaker.

    Thread-safe, one per process and thing; holds no state worth keeping over a restart.
    """

    def __init__(self, *, open_seconds: float) -> None:
        self._open_seconds = open_seconds
        self._lock = Lock()
        self._retry_at: float | None = None

    @property
    def is_open(self) -> bool:
        return self._retry_at is not None

    def allows(self) -> bool:
        """Whether to try now. While open, True once per `open_seconds`: that caller is the probe."""
        if not self.is_open:
            return True
        with self._lock:
            now, retry_at = clock.monotonic(), self._retry_at
            if retry_at is not None:
                if now < retry_at:
                    return False
                self._retry_at = now + self._open_seconds
            return True

    def succeeded(self) -> None:
        self._retry_at = None

    def failed(self) -> None:
        with self._lock:
            self._retry_at = clock.monotonic() + self._open_seconds
