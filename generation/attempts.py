"""One try of a job at its provider: the steps, each written down before and after it is taken.

    claimed -> submitting -> waiting -> storing -> ended
                   |  the outcome of the call is unknown
                   +-> reconciling (the job's stage): ask the provider; found -> go on; surely not there -> try again

The intent is committed before the paid call; the task id as soon as it is known. Whoever holds the attempt may die
between any two lines: another worker resumes from the last step written. Every write carries the attempt's token;
one that finds the token stale raises LeaseLost, and this coroutine ends without a further word.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import structlog
from django.conf import settings
from django.db import connection
from pydantic import ValidationError

from core import clock, inline, scratch
from core.postgres.prepared import fetch_row
from generation import catalog, dispatch, progress
from generation.dispatch import Claim
from generation.exceptions import LeaseLost, UnknownOperation
from generation.models import Attempt, Job, Stage, Status
from generation.providers.base import Billed, Done, InputFile, Output, Pending, ProviderError, SubmitRequest
from storage import assets
from storage.exceptions import AssetNotFound, ContentRefused, StoreUnavailable

log = structlog.get_logger(__name__)
Step = Attempt.Step

# Two events a second at most: a person cannot read faster, and each is a row.
_EVENT_SECONDS = 0.5


class Host(Protocol):
    """What the worker process gives a coroutine: its thread pools, and the word on its leases."""

    async def database[*Ts, T](self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Run ORM code on a thread; waits out a database that restarts, for as long as the leases may last."""

    async def store[*Ts, T](self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Run object store code on one of a few threads."""

    def may_submit(self) -> bool:
        """False while the leases of this process could not be renewed: others may be taking them over."""


class Signals:
    """What the process tells a running attempt: that its job is to stop, or that the process is to end."""

    def __init__(self) -> None:
        self.is_canceled = False
        self.is_draining = False
        self._news = asyncio.Event()

    def cancel(self) -> None:
        self.is_canceled = True
        self._news.set()

    def drain(self) -> None:
        self.is_draining = True
        self._news.set()

    async def sleep(self, seconds: float) -> None:
        """Sleep, but wake at once on news; news that came before the sleep counts."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A claim with the rows it is about, as they were when it was made."""

    claim: Claim
    job: Job
    attempt: Attempt


def load(claims: Collection[Claim]) -> list[Held]:
    """The rows of these claims, read at once; what another process took over since is left out."""
    tokens = {claim.attempt_id: claim for claim in claims}
    rows = Attempt.objects.select_related("job").filter(pk__in=tokens).exclude(step=Step.ENDED)
    return [
        Held(claim=tokens[attempt.pk], job=attempt.job, attempt=attempt)
        for attempt in rows
        if attempt.token == tokens[attempt.pk].token
    ]


async def run(held: Held, host: Host, signals: Signals) -> None:
    """Carry an attempt on from its last written step to its end, or until the lease is lost or handed back."""
    claim = held.claim
    with TemporaryDirectory(prefix="attempt-", dir=scratch.folder(), ignore_cleanup_errors=True) as folder:
        try:
            await _Run(held, Path(folder), host, signals).to_the_end()
        except LeaseLost:
            log.info("attempt.lease_lost", jobId=str(claim.job_id), attemptId=str(claim.attempt_id))
        except _HandedBack:
            await host.database(dispatch.hand_back, claim)


class _HandedBack(Exception):
    """The process is ending and another one can go on from what is written."""


class _Canceled(Exception):
    """The job is to stop, and surely nothing was or will be delivered or billed."""


class _Run:
    """One attempt while this process holds it."""

    def __init__(self, held: Held, folder: Path, host: Host, signals: Signals) -> None:
        self.claim, self.job, self.attempt = held.claim, held.job, held.attempt
        self.folder, self.host, self.signals = folder, host, signals
        self.files: dict[str, InputFile] = {}
        self.event_at = 0.0
        self.was_cancel_asked = False

    async def to_the_end(self) -> None:
        try:
            await self._store_and_settle(await self._deliver())
        except _Canceled:
            await self._settle(Status.CANCELED, billed="no")
        except ProviderError as error:
            await self._fail(error)

    # --- come by the outputs ------------------------------------------------------------------------------------------

    async def _deliver(self) -> Done:
        """Go on from the last written step until the provider has delivered."""
        if self.attempt.crashes >= dispatch.MAX_CRASHES:
            raise ProviderError("worker_lost", "The work was interrupted too often.", billed=self._billed_so_far())
        self._read_the_order()
        await self._fetch_inputs()
        answer: Pending | Done
        if self.attempt.step == Step.CLAIMED:
            answer = await self._submit()
        elif self.attempt.task_id:
            answer = Pending(task_id=self.attempt.task_id, poll_after_seconds=0)
        else:
            answer = await self._reconcile()
        while isinstance(answer, Pending):
            answer = await self._wait(answer)
        return answer

    def _read_the_order(self) -> None:
        """A job may outlive what it was ordered from: a deploy that takes an operation away or tightens its input."""
        try:
            self.offer = catalog.offer(self.attempt.model, self.job.operation)
            self.provider = catalog.PROVIDERS[self.attempt.provider]()
            self.input = self.offer.input.model_validate(self.job.input)
        except (UnknownOperation, KeyError, ValidationError) as error:
            log.warning("attempt.order_unreadable", jobId=str(self.job.id), errorCode=type(error).__name__)
            raise ProviderError(
                "no_longer_offered", "What was ordered is not offered any more.", billed=self._billed_so_far()
            ) from error

    async def _submit(self) -> Pending | Done:
        await self._until_leases_hold()
        if self.signals.is_draining:
            raise _HandedBack
        sent_by = clock.monotonic() + settings.SEND_WITHIN_SECONDS
        await self.host.database(_write_intent, self.attempt, self.claim.token)
        if not self.host.may_submit() or clock.monotonic() >= sent_by:
            raise ProviderError("not_sent", "The call could not be made in time.", retryable=True)
        try:
            async with asyncio.timeout(settings.SUBMIT_TIMEOUT_SECONDS):
                answer = await self.provider.submit(self._request())
        except ProviderError as error:
            if not error.is_outage:
                # A refusal is an answer.
                await self.host.database(dispatch.answered, self.attempt.provider)
            if error.billed != "unknown":
                raise
            return await self._reconcile()
        except Exception:
            # Whatever broke, the call may have arrived: ask before anything is concluded.
            log.exception("attempt.submit_broke", jobId=str(self.job.id), attemptId=str(self.attempt.id))
            return await self._reconcile()
        await self.host.database(dispatch.answered, self.attempt.provider)
        if isinstance(answer, Pending):
            await self._accepted(answer)
        return answer

    async def _until_leases_hold(self) -> None:
        """A process that stalls, as one that just started may, is late with its renewals: that costs no job a try.

        Where none comes, the intent finds the lease gone.
        """
        deadline = clock.monotonic() + settings.LEASE_SECONDS
        while not self.host.may_submit() and not self.signals.is_draining and clock.monotonic() < deadline:
            await self.signals.sleep(0.1)

    async def _reconcile(self) -> Pending | Done:
        """The call's outcome is unknown: look it up until the provider knows, or give it up as lost."""
        await self._advance(stage=Stage.RECONCILING)
        assert self.attempt.send_before
        while True:
            # Read before asking: only a question put after `send_before` can prove that nothing was sent.
            now = await self.host.database(_database_now)
            try:
                found = await self._asked(self.provider.find(self._request()))
            except ProviderError as error:
                if not error.retryable:
                    raise
            else:
                if found is None and now > self.attempt.send_before:
                    raise ProviderError("never_arrived", "The provider never got the call.", retryable=True)
                if isinstance(found, Pending):
                    await self._accepted(found)
                if found is not None:
                    return found
            self._give_up_when_late(now)
            await self._pause(1.0)

    async def _accepted(self, answer: Pending) -> None:
        await self._advance(step=Step.WAITING, stage=Stage.WAITING, percent=answer.progress, task_id=answer.task_id)
        self.attempt.task_id = answer.task_id

    async def _wait(self, pending: Pending) -> Pending | Done:
        """Sleep until the provider may have news, then ask; where only the asking failed, ask again."""
        if pending.progress > self.job.progress and clock.monotonic() - self.event_at >= _EVENT_SECONDS:
            await self._advance(percent=pending.progress)
        await self._pause(pending.poll_after_seconds)
        if self.signals.is_canceled and not self.was_cancel_asked:
            self.was_cancel_asked = True
            if await self._is_stopped(pending.task_id):
                raise _Canceled
        try:
            return await self._asked(self.provider.poll(self._request(), pending.task_id))
        except ProviderError as error:
            if not error.retryable or error.billed != "unknown":
                raise
            log.warning("attempt.poll_failed", jobId=str(self.job.id), errorCode=error.code)
            self._give_up_when_late(await self.host.database(_database_now))
            return Pending(
                task_id=pending.task_id, progress=pending.progress, poll_after_seconds=error.retry_after or 2.0
            )

    async def _is_stopped(self, task_id: str) -> bool:
        """Whether the provider surely stopped; where it cannot say, the job ends as it ends."""
        try:
            return await self._asked(self.provider.cancel(self._request(), task_id))
        except ProviderError as error:
            log.warning("attempt.cancel_failed", errorCode=error.code)
            return False

    async def _asked[T](self, question: Awaitable[T]) -> T:
        """A call that changes nothing at the provider; too slow is an error like any other, and asked again."""
        try:
            async with asyncio.timeout(settings.POLL_TIMEOUT_SECONDS):
                return await question
        except TimeoutError:
            raise ProviderError(
                "timeout", "The provider did not answer in time.", retryable=True, billed="unknown"
            ) from None

    async def _pause(self, seconds: float) -> None:
        """Sleep until it is time or there is news; hand the attempt back when the process is to end."""
        if not self.signals.is_draining:
            await self.signals.sleep(seconds)
        if self.signals.is_draining and self.offer.resumable and self.attempt.task_id:
            raise _HandedBack
        if self.signals.is_draining:
            await asyncio.sleep(seconds)

    def _give_up_when_late(self, now: datetime) -> None:
        assert self.attempt.intent_at
        if now > self.attempt.intent_at + timedelta(seconds=self.provider.outcome_ttl_seconds()):
            raise ProviderError("provider_unknown", "The provider's answer was lost.", billed="unknown")

    async def _fetch_inputs(self) -> None:
        """Bring the input assets to this machine, for as long as the attempt lasts here."""
        for field, (asset_id, _) in self.input.asset_ids().items():
            path = self.folder / f"input-{field}"
            try:
                content = await self._patiently(assets.fetch, self.job.organization_id, asset_id, path)
            except AssetNotFound:
                raise ProviderError("input_gone", f"The asset of {field!r} was deleted.") from None
            self.files[field] = InputFile(path=path, content_type=content.content_type, size_bytes=content.size_bytes)

    def _request(self) -> SubmitRequest:
        return SubmitRequest(
            key=str(self.attempt.id),
            number=self.attempt.number,
            model=self.attempt.model,
            operation=self.job.operation,
            input=self.input,
            files=self.files,
            folder=self.folder,
            intended_at=self.attempt.intent_at or clock.now(),
        )

    # --- keep them, and end -------------------------------------------------------------------------------------------

    async def _store_and_settle(self, done: Done) -> None:
        # Text lies in the job's own row.
        if any(output.path or output.url for output in done.outputs):
            await self._advance(step=Step.STORING, stage=Stage.STORING)
        kept = 0
        for index, output in enumerate(done.outputs):
            kept += await self._keep(index, output)
        if not kept:
            code = "content_policy" if done.withheld else "bad_output"
            detail = "The provider kept the result back." if done.withheld else "The provider delivered nothing usable."
            raise ProviderError(code, detail, billed="yes")
        await self._settle(
            Status.SUCCEEDED,
            billed="yes",
            # What came and is sound, in the units that are paid for.
            delivered=done.units * kept // len(done.outputs),
            made=done.units,
            texts=[output.text for output in done.outputs if output.text is not None],
            data=dict(done.data),
        )

    async def _keep(self, index: int, output: Output) -> bool:
        """Store one output; False when its bytes are not what they should be."""
        source = output.path or output.url
        if source is None:
            return output.text is not None
        try:
            await self._patiently(
                lambda source: assets.keep_output(self._origin(index), kind=output.kind, source=source), source
            )
        except ContentRefused as error:
            log.warning("attempt.bad_output", jobId=str(self.job.id), index=index, errorCode=error.code)
            return False
        return True

    def _origin(self, index: int) -> assets.Origin:
        prompt = self.job.input.get("prompt", "")
        return assets.Origin(
            organization_id=self.job.organization_id,
            user_id=self.job.user_id,
            job_id=self.job.id,
            index=index,
            operation=self.job.operation,
            model=self.attempt.model,
            prompt=prompt if isinstance(prompt, str) else "",
        )

    async def _patiently[*Ts, T](self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Wait out a bucket that is away: what was paid for is worth minutes."""
        patience = clock.monotonic() + settings.STORE_PATIENCE_SECONDS
        pause = 0.5
        while True:
            try:
                return await self.host.store(function, *args)
            except StoreUnavailable as error:
                if clock.monotonic() > patience:
                    raise ProviderError(
                        "storage_unavailable", "The result could not be stored.", billed=self._billed_so_far()
                    ) from error
                await asyncio.sleep(pause)
                pause = min(2 * pause, 15)

    async def _fail(self, error: ProviderError) -> None:
        """End the attempt: back to the queue where another try may help and this one is surely free, else the job."""
        tries_left = self.job.attempts_made < settings.MAX_ATTEMPTS
        if error.is_outage:
            await self.host.database(dispatch.failed, self.attempt.provider)
        if error.is_rate_limit:
            # Not an attempt: it says something of the provider's pace and nothing of this job.
            await self.host.database(_slow_down, self.attempt.provider, error.retry_after)
        elif not (error.retryable and error.billed == "no" and tries_left):
            await self._settle(Status.FAILED, billed=error.billed, error=error)
            return
        backoff = settings.RETRY_BACKOFF_SECONDS * 2 ** (self.job.attempts_made - 1) * random.uniform(0.75, 1.25)  # noqa: S311
        await self.host.database(
            _write_event,
            self.job,
            "generation_requeue",
            [
                *self._named(),
                not error.is_rate_limit,
                max(backoff, error.retry_after or 0),
                error.code,
                inline.without_media(error.detail),
            ],
        )

    async def _settle(
        self,
        status: Status,
        *,
        billed: Billed,
        delivered: int = 0,
        made: int | None = None,
        texts: list[str] | None = None,
        data: dict[str, Any] | None = None,
        error: ProviderError | None = None,
    ) -> None:
        ending = [
            status.value,
            delivered,
            billed,
            error.code if error else "",
            inline.without_media(error.detail) if error else "",
            error.retryable if error else False,
            json.dumps(inline.json_without_media(texts or [])),
            json.dumps(inline.json_without_media(data or {})),
            made,
        ]
        await self.host.database(_write_event, self.job, "generation_settle", [*self._named(), *ending])

    async def _advance(
        self,
        *,
        step: Step | None = None,
        stage: Stage | None = None,
        percent: int | None = None,
        task_id: str | None = None,
    ) -> None:
        """Write a step down, tell whoever listens, and learn whether the attempt is still ours."""
        shown = [step and step.value, stage and stage.value, percent, task_id]
        await self.host.database(_write_event, self.job, "generation_advance", [*self._named(), *shown])
        self.job.progress = max(self.job.progress, percent or 0)
        self.event_at = clock.monotonic()

    def _named(self) -> list[Any]:
        return [self.job.id, self.attempt.id, self.claim.token]

    def _billed_so_far(self) -> Billed:
        return "no" if self.attempt.intent_at is None else "unknown"


# --- on a database thread ---------------------------------------------------------------------------------------------


def _write_intent(attempt: Attempt, token: int) -> None:
    """Commit that the call is about to be made; raises _Canceled when the job was asked to stop before it."""
    row = fetch_row(
        """
        UPDATE generation_attempt a
        SET step = CASE WHEN j.cancel_requested_at IS NULL THEN 'submitting' ELSE a.step END,
            intent_at = CASE WHEN j.cancel_requested_at IS NULL THEN now() END,
            send_before = now() + make_interval(secs => %s)
        FROM generation_job j
        WHERE a.id = %s AND a.token = %s AND a.step = 'claimed' AND a.lease_until > now() AND j.id = a.job_id
        RETURNING a.intent_at, a.send_before
        """,
        [settings.SEND_WITHIN_SECONDS, attempt.id, token],
    )
    if row is None:
        raise LeaseLost
    attempt.intent_at, attempt.send_before = row
    if attempt.intent_at is None:
        raise _Canceled


def _write_event(job: Job, function: str, arguments: list[Any]) -> None:
    """Call one of the SQL functions that change a job and return its event, and announce it; raises LeaseLost."""
    row = fetch_row(f"SELECT {function}({', '.join(['%s'] * len(arguments))})", arguments)
    body = row[0] if row else None
    if body is None:
        raise LeaseLost
    progress.announce(job.organization_id, job.id, body)


def _slow_down(provider: str, retry_after_seconds: float | None) -> None:
    dispatch.slow_down(provider, retry_after_seconds=retry_after_seconds)


def _database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        now: datetime = cursor.fetchone()[0]
    return now
