"""How often an organization may ask: a sliding window of a minute in Valkey, shared by all processes.

The windows are those of the `limits` library. Valkey holds two counters for each organization that asked within two
minutes and nothing else; while it cannot be reached each process counts for itself and allows a quarter, so that a
handful of processes together stay near the limit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha1
from typing import Any, NamedTuple
from uuid import UUID

from limits.storage import MemoryStorage, RedisStorage
from prometheus_client import Counter
from redis.exceptions import NoScriptError

from accounts.principal import Principal
from core import valkey
from core.fresh import Fresh
from core.postgres.prepared import fetch_row
from usage.exceptions import RateLimited
from usage.models import Entitlement

WINDOW_SECONDS = 60
_FALLBACK_SHARE = 4
_FRESH_SECONDS, _FRESH_SECONDS_TOLD = 5, 60
_REQUESTS_PER_MINUTE = "SELECT requests_per_minute FROM usage_entitlement WHERE organization_id = %s"

_RETENTION_DAYS = "SELECT retention_days FROM usage_entitlement WHERE organization_id = %s"

_requests_per_minute = Fresh[UUID, int](seconds=_FRESH_SECONDS, told_seconds=_FRESH_SECONDS_TOLD)
_retention_days = Fresh[UUID, int | None](seconds=_FRESH_SECONDS, told_seconds=_FRESH_SECONDS_TOLD)
_decisions = Counter(
    "rate_limit_decisions", "Requests let through or refused, and where it was counted.", ["outcome", "store"]
)


class _Script(NamedTuple):
    """A script of Valkey, and the hash it is called by."""

    text: str
    sha: str

    @classmethod
    def of(cls, text: str) -> "_Script":
        return cls(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


_ACQUIRE, _STATE = RedisStorage.SCRIPT_ACQUIRE_SLIDING_WINDOW.decode(), RedisStorage.SCRIPT_SLIDING_WINDOW.decode()
_LOOK = _Script.of(_STATE)
# The library's two scripts, the first followed by the second, so that taking and looking is one round trip.
_TAKE = _Script.of(f"""
    local function take(ARGV) {_ACQUIRE} end
    local function look(ARGV) {_STATE} end
    return {{take(ARGV), look({{ARGV[2]}})}}
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """Where a caller stands: `remaining` of `limit` requests a minute, `reset_seconds` until the window moves on."""

    limit: int
    remaining: int
    reset_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One rule that holds for an organization. `window` is None where it bounds what there is at once."""

    scope: str = "organization"
    metric: str
    window: str | None = None
    limit: int
    used: int | None = None


@dataclass(frozen=True, slots=True)
class _Window:
    """What a store knows after one question; times in seconds. The previous count fades out over its time left."""

    is_allowed: bool
    previous: int
    previous_left: float
    current: int
    current_left: float

    @property
    def used(self) -> int:
        return math.floor(self.previous * self.previous_left / WINDOW_SECONDS) + self.current

    @property
    def moves_on_in(self) -> float:
        """Until the current count becomes the previous one; it is kept for one window longer than it grows."""
        return self.current_left % WINDOW_SECONDS if self.current_left else float(WINDOW_SECONDS)

    def free_in(self, limit: int) -> float:
        """Until one more request fits."""
        room = limit - self.current
        if room <= 0 or not self.previous:
            return self.moves_on_in
        return max(self.previous_left - room * WINDOW_SECONDS / self.previous, 0.0)


def check_request(principal: Principal) -> RateLimit:
    """Count one request of the principal's organization. Raises RateLimited, with the wait, when it is too many.

    One round trip to Valkey; the limit itself is read from the entitlement at most 5 seconds ago, or 60 while this
    process hears of changes.
    """
    key, limit = _rule(principal)
    if window := valkey.quietly(lambda: _take(key, limit)):
        store = "valkey"
    else:
        store, limit = "process", _own_share(limit)
        window = _take_here(key, limit)
    _decisions.labels("allowed" if window.is_allowed else "refused", store).inc()
    rate = _rate(limit, window)
    if not window.is_allowed:
        wait = max(window.free_in(limit), 1.0)
        raise RateLimited(limit=limit, used=window.used, retry_after=wait, headers=headers(rate))
    return rate


def standing(principal: Principal) -> RateLimit:
    """Where the principal's organization stands, without counting anything. One round trip to Valkey."""
    key, limit = _rule(principal)
    if window := valkey.quietly(lambda: _look(key)):
        return _rate(limit, window)
    return _rate(_own_share(limit), _look_here(key))


def of(organization_id: UUID) -> list[Limit]:
    """What the organization may use at once and by the minute, and how much of it is used where that is known here."""
    entitlement = Entitlement.objects.filter(pk=organization_id).first() or Entitlement()
    return [
        Limit(
            metric="requests",
            window="minute",
            limit=entitlement.requests_per_minute,
            used=valkey.quietly(lambda: _look(_key(organization_id)).used),
        ),
        Limit(metric="concurrency", limit=entitlement.places),
        Limit(metric="queued", limit=entitlement.queued_jobs),
    ]


def most_queued(organization_id: UUID) -> int:
    """How many of the organization's jobs may wait."""
    bound = Entitlement.objects.filter(pk=organization_id).values_list("queued_jobs", flat=True).first()
    return Entitlement().queued_jobs if bound is None else bound


def retention_days(organization_id: UUID) -> int | None:
    """After how many days new assets of the organization expire, None for never; as fresh as check_request's limit."""
    return _retention_days.get(organization_id, _load_retention_days)


def headers(rate: RateLimit) -> dict[str, str]:
    """RateLimit-Policy and RateLimit of the IETF draft "RateLimit header fields for HTTP"."""
    return {
        "RateLimit-Policy": f'"default";q={rate.limit};w={WINDOW_SECONDS}',
        "RateLimit": f'"default";r={rate.remaining};t={rate.reset_seconds}',
    }


def _rule(principal: Principal) -> tuple[str, int]:
    """The window's name and how many requests fit into it."""
    return _key(principal.organization_id), _requests_per_minute.get(principal.organization_id, _load)


def _own_share(limit: int) -> int:
    return max(limit // _FALLBACK_SHARE, 1)


def _rate(limit: int, window: _Window) -> RateLimit:
    return RateLimit(
        limit=limit, remaining=max(limit - window.used, 0), reset_seconds=max(math.ceil(window.moves_on_in), 1)
    )


def _key(organization_id: UUID) -> str:
    return f"requests:{organization_id}"


def _load(organization_id: UUID) -> int:
    row = fetch_row(_REQUESTS_PER_MINUTE, [organization_id])
    return row[0] if row else Entitlement().requests_per_minute


def _load_retention_days(organization_id: UUID) -> int | None:
    row = fetch_row(_RETENTION_DAYS, [organization_id])
    return row[0] if row else Entitlement().retention_days


def _take(key: str, limit: int) -> _Window:
    taken, found = _run(_TAKE, key, limit, WINDOW_SECONDS, 1)
    return _window(bool(taken), found)


def _look(key: str) -> _Window:
    return _window(True, _run(_LOOK, key, WINDOW_SECONDS))


def _run(script: _Script, key: str, *arguments: int) -> Any:
    """Run a script by its hash; by its text where Valkey does not have it yet, which then keeps it."""
    # The counts of the window before and of this one; the braces keep them on one node of a cluster.
    rest: tuple[str | int, ...] = (2, f"limit:{{{key}}}/-1", f"limit:{{{key}}}", *arguments)
    try:
        return valkey.ask(("EVALSHA", script.sha, *rest))[0]
    except NoScriptError:
        return valkey.ask(("EVAL", script.text, *rest))[0]


def _take_here(key: str, limit: int) -> _Window:
    taken = _own().acquire_sliding_window_entry(key, limit, WINDOW_SECONDS)
    return replace(_look_here(key), is_allowed=taken)


def _look_here(key: str) -> _Window:
    return _Window(True, *_own().get_sliding_window(key, WINDOW_SECONDS))


@cache
def _own() -> MemoryStorage:
    return MemoryStorage()


def _window(is_allowed: bool, found: Sequence[Any]) -> _Window:
    """Counts as text, times in milliseconds and negative where there is none: as the library's script answers."""
    previous, previous_left, current, current_left = (max(int(figure or 0), 0) for figure in found)
    return _Window(is_allowed, previous, previous_left / 1000, current, current_left / 1000)
