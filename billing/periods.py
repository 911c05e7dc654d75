"""Monthly periods from an anchor, half-open [start, end) and in UTC.

Each start is counted from the anchor itself, never from the period before: an anchor on the 31st gives Feb 28, then
Mar 31 again.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """One month of an organization: from `start` up to, not including, `end`."""

    start: datetime
    end: datetime


def period_at(anchor: datetime, at: datetime) -> Period:
    """The period that holds the instant `at`, which is not before the anchor."""
    anchor, at = anchor.astimezone(UTC), at.astimezone(UTC)
    if at < anchor:
        raise ValueError("there is no period before the anchor")
    months = (at.year - anchor.year) * 12 + at.month - anchor.month
    if _after(anchor, months) > at:
        months -= 1
    return Period(start=_after(anchor, months), end=_after(anchor, months + 1))


def _after(anchor: datetime, months: int) -> datetime:
    years, month = divmod(anchor.month - 1 + months, 12)
    year, month = anchor.year + years, month + 1
    return anchor.replace(year=year, month=month, day=min(anchor.day, monthrange(year, month)[1]))
