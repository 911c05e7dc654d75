"""Deleting many objects one by one, as a sweep does: one that is refused holds up no other."""

from collections.abc import Callable, Iterable, Iterator

import structlog

from storage.exceptions import StoreUnavailable

# So many failures one after another are a store that is away: what is left waits for the next sweep.
_FAILURES_IN_A_ROW = 3

log = structlog.get_logger(__name__)


def swept[Row](rows: Iterable[Row], delete: Callable[[Row], None]) -> Iterator[Row]:
    """The rows whose objects `delete` took away; it may raise StoreUnavailable, and is asked again another time."""
    failures = 0
    for row in rows:
        try:
            delete(row)
        except StoreUnavailable:
            log.warning("storage.delete_put_off", row=str(row), exc_info=True)
            failures += 1
            if failures == _FAILURES_IN_A_ROW:
                return
        else:
            failures = 0
            yield row
