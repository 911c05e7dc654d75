"""The one clock: whoever asks the time asks here, so that tests can move it. Rules over rows use Postgres's now()."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present, aware and in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds that never go back, for measuring spans."""
    return time.monotonic()


def rfc3339(at: datetime) -> str:
    """A time as every JSON of ours spells it: UTC, milliseconds, `Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    """A time that somebody sent, in UTC. Raises ValueError for what is none, has no zone, or leaves the calendar."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    try:
        # Postgres takes no zone beyond 15:59, and Python does.
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time outside the calendar") from error
