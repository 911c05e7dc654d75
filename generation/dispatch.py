"""Claims work for this process: queued jobs, fairly and under every cap, and attempts whose worker died.

The claim itself is one SQL function (sql/claim_*.sql); its docstring tells the order and the caps.
"""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from core.fresh import Fresh
from generation import progress
from generation.models import ProviderState

# A job whose worker died this often is ended: it may be what kills them.
MAX_CRASHES = 3

_is_failing = Fresh[str, bool](seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An attempt that this process holds by its token."""

    job_id: UUID
    attempt_id: UUID
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one claim took. Claim again after `again_seconds`; None: not before a ring or an ending."""

    claims: tuple[Claim, ...]
    again_seconds: float | None


def claim(provider: str, *, worker: str, slots: int) -> Batch:
    """Start up to `slots` queued jobs of the provider: running, attempt leased, event written and announced.

    One transaction under the claim's advisory lock; 4 to 12 ms. Safe to repeat: what it takes is taken once.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generation_claim(%s, %s, %s, %s, %s)",
            [provider, worker, slots, settings.LEASE_SECONDS, ProviderState.OPEN_AFTER],
        )
        answer = _json(cursor.fetchone()[0])
    for one in answer["claims"]:
        progress.announce(one["organization"], one["job"], one["event"])
    return Batch(
        claims=tuple(
            Claim(job_id=UUID(one["job"]), attempt_id=UUID(one["attempt"]), token=one["token"])
            for one in answer["claims"]
        ),
        again_seconds=answer["again_seconds"],
    )


def resume(provider: str, *, worker: str, slots: int) -> tuple[Claim, ...]:
    """Take over attempts whose lease ran out: their process died (a crash is counted) or handed them back."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE generation_attempt a
            SET worker = %(worker)s, token = a.token + 1, lease_until = now() + make_interval(secs => %(lease)s),
                crashes = a.crashes + (a.worker <> '')::integer
            WHERE a.id IN (
                SELECT id FROM generation_attempt
                WHERE step <> 'ended' AND lease_until < now() AND provider = %(provider)s
                ORDER BY lease_until LIMIT %(slots)s FOR NO KEY UPDATE SKIP LOCKED)
            RETURNING a.job_id, a.id, a.token
            """,
            {"worker": worker, "lease": settings.LEASE_SECONDS, "provider": provider, "slots": slots},
        )
        rows = cursor.fetchall()
    return tuple(Claim(job_id=job_id, attempt_id=attempt_id, token=token) for job_id, attempt_id, token in rows)


def renew(worker: str, attempt_ids: list[UUID]) -> int:
    """Extend the leases of the attempts that this process is working on; returns how many it still holds.

    Not of all that name the worker: what it has dropped (a broken coroutine) must run out, so that another resumes it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE generation_attempt SET lease_until = now() + make_interval(secs => %s)
            WHERE id = ANY(%s) AND worker = %s AND step <> 'ended' AND lease_until IS NOT NULL
            """,
            [settings.LEASE_SECONDS, attempt_ids, worker],
        )
        return int(cursor.rowcount)


def hand_back(claim: Claim) -> None:
    """Give a resumable attempt to whoever rings next, without counting a crash. Repeatable."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE generation_attempt SET lease_until = now() - interval '1 second', worker = ''
            WHERE id = %s AND token = %s AND step <> 'ended'
            """,
            [claim.attempt_id, claim.token],
        )


def to_cancel(worker: str) -> list[UUID]:
    """The attempts of this process whose jobs are to stop."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT a.id FROM generation_job j JOIN generation_attempt a ON a.job_id = j.id AND a.step <> 'ended'
            WHERE j.status = 'running' AND j.cancel_requested_at IS NOT NULL AND a.worker = %s
            """,
            [worker],
        )
        return [row[0] for row in cursor.fetchall()]


def slow_down(provider: str, *, retry_after_seconds: float | None) -> None:
    """A 429: halve the provider's pace for every worker at once, and send nothing before `Retry-After`.

    The pace climbs back additively as time passes (in the claim). Halving is done at most once a second, since the
    calls that were in flight together all come back with the same news.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE generation_providerstate
            SET pace = CASE WHEN slowed_at IS NULL OR slowed_at < now() - interval '1 second'
                            THEN greatest(pace / 2, 1) ELSE pace END,
                slowed_at = now(), tokens = 0,
                resumes_at = greatest(resumes_at, now() + make_interval(secs => %s))
            WHERE provider = %s
            """,
            [retry_after_seconds or 0, provider],
        )


def failed(provider: str) -> None:
    """A call met a provider that is out of order. So many in a row open its circuit: no process sends it anything for
    a while, then one job as a probe; each probe that fails doubles the while.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE generation_providerstate
            SET failures = failures + 1,
                resumes_at = CASE WHEN failures + 1 >= %(open_after)s THEN greatest(resumes_at, now() + make_interval(
                    secs => least(%(pause)s * 2 ^ least(failures + 1 - %(open_after)s, 10), %(longest)s)))
                  ELSE resumes_at END
            WHERE provider = %(provider)s AND (resumes_at IS NULL OR resumes_at <= now() OR failures < %(open_after)s)
            """,
            {
                "open_after": ProviderState.OPEN_AFTER,
                "pause": settings.CIRCUIT_SECONDS,
                "longest": settings.CIRCUIT_SECONDS * 16,
                "provider": provider,
            },
        )
    _is_failing.forget()


def answered(provider: str) -> None:
    """A call was answered: the provider works, its circuit closes. Asks Postgres at most once a second."""
    if _is_failing.get(provider, _load_is_failing):
        ProviderState.objects.filter(pk=provider, failures__gt=0).update(failures=0, resumes_at=None)
        _is_failing.forget()


def _load_is_failing(provider: str) -> bool:
    return ProviderState.objects.filter(pk=provider, failures__gt=0).exists()


def waiting_providers() -> list[str]:
    """The providers that have something to claim or to take over now; for the sweep to ring."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT provider FROM generation_providerstate p
            WHERE EXISTS (SELECT FROM generation_job j
                          WHERE j.provider = p.provider AND j.status = 'queued' AND j.is_ready)
               OR EXISTS (SELECT FROM generation_attempt a
                          WHERE a.provider = p.provider AND a.step <> 'ended' AND a.lease_until < now())
            """
        )
        return [row[0] for row in cursor.fetchall()]


def _json(value: Any) -> Any:
    """Postgres's JSON as Django's cursor hands it over: text, since psycopg's own loader is switched off there."""
    return json.loads(value) if isinstance(value, str) else value
