"""Submitting, canceling, retrying and expiring jobs: the rules of a job's life outside its attempts.

Admission is priced and checked here in Python, cheapest first, and then made in one SQL call (sql/admit_*.sql).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from pydantic import ValidationError

from accounts.principal import Principal
from core import clock, doorbell, idempotency
from core.exceptions import NotFound
from core.postgres.prepared import fetch_row
from core.problems import FieldError, Refusal, field_errors
from generation import catalog, progress
from generation.exceptions import InvalidInput, JobNotRetryable, QueueFull
from generation.models import Job, ProviderState, Status
from generation.providers.base import OperationInput
from storage import assets
from usage import ledger, limits, pricing
from usage.exceptions import BY_REASON, InsufficientCredits

ROUTE = "jobs"

_ADMIT = f"SELECT * FROM generation_admit({', '.join(['%s'] * 23)})"  # noqa: S608 - placeholders alone

# What the pace of an organization's line is read from.
_STARTS_THAT_TELL_THE_PACE = 20
_PACE_IS_READ_OVER = timedelta(minutes=10)

type Effect = Literal["prevented", "requested", "too_late"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """The body of a job, its input not yet validated."""

    operation: str
    model: str
    input: Mapping[str, Any]
    metadata: Mapping[str, Any]
    priority: int = 0
    start_deadline_seconds: float | None = None
    deadline_seconds: float | None = None
    retry_of: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A job that is valid and priced, and not yet admitted."""

    request: JobRequest
    provider: str
    input: OperationInput
    quantity: int
    places: int
    price: pricing.UnitPrice

    @property
    def credits(self) -> int:
        """What is held: the price of all that was asked for."""
        return self.quantity * self.price.credits


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """The caller's name for one submission, with the hash of the body it came with."""

    key: str
    body_sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The job that now exists, and whether it did before (the same idempotency key)."""

    job: Job
    is_replay: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """What a cancel did: `prevented` (never ran, free), `requested` (asked of the provider), `too_late`."""

    job: Job
    effect: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Where a queued job stands: its place among its organization's jobs for the provider, and when it may start."""

    position: int
    estimated_start_at: datetime | None


def price(request: JobRequest) -> Order:
    """Validate the input against the operation's schema and price it from the parameters actually sent.

    Raises UnknownOperation, ModelDisabled, InvalidInput (with pointers below /input) or Unpriced. Writes nothing.
    """
    offer = catalog.offer(request.model, request.operation)
    catalog.require_enabled(request.model)
    try:
        parsed = offer.input.model_validate(request.input)
    except ValidationError as error:
        raise InvalidInput(errors=field_errors(error, "/input")) from None
    if not settings.SANDBOX_FAULTS and "sandbox" in request.input:
        raise InvalidInput(
            errors=[FieldError("/input/sandbox", "not_here", "Faults on demand are switched off on this server.")]
        )
    return Order(
        request=request,
        provider=catalog.provider_of(request.model),
        input=parsed,
        quantity=parsed.quantity(),
        places=parsed.places(),
        price=pricing.unit_price(request.model, request.operation, parsed.variant()),
    )


def replayed(principal: Principal, key: IdempotencyKey) -> Job | None:
    """The job that this key already named, or None; raises IdempotencyMismatch when the body was another."""
    record = idempotency.find(principal.organization_id, ROUTE, key.key)
    if record is None:
        return None
    idempotency.check_same(record, key.body_sha256)
    return Job.objects.get(pk=record.resource_id)


def submit(
    principal: Principal, order: Order, *, key: IdempotencyKey | None = None, trace_id: str = "", request_id: str = ""
) -> Admission:
    """Admit the job: hold its credits, write it with its first event, and ring a worker.

    One transaction, durable when this returns; the ring and the announcement after it are best effort. With a key it
    may be repeated. Raises AssetNotFound, AssetNotReady, Banned, QueueFull, InsufficientCredits, InDebt.
    """
    assets.require_inputs(principal.organization_id, order.input.asset_ids())
    row = _admit(principal, order, key, trace_id, request_id)
    if row.refusal == "no_wallet":
        ledger.open_wallet(principal.organization_id)
        row = _admit(principal, order, key, trace_id, request_id)
    if row.refusal is not None:
        raise _refusal(row.refusal, principal, order)
    if row.is_replay:
        assert key is not None
        job = replayed(principal, key)
        assert job is not None
        return Admission(job=job, is_replay=True)
    progress.announce(principal.organization_id, row.job_id, row.event)
    doorbell.ring(order.provider)
    return Admission(job=_as_admitted(principal, order, row, trace_id), is_replay=False)


def refusal_of(principal: Principal, order: Order) -> Refusal | None:
    """Why this job would be refused now, without spending or writing; None when it would be admitted."""
    try:
        assets.require_inputs(principal.organization_id, order.input.asset_ids())
    except Refusal as refusal:
        return refusal
    bound = limits.most_queued(principal.organization_id)
    if Job.objects.for_organization(principal.organization_id).filter(status=Status.QUEUED).count() >= bound:
        return QueueFull(retry_after=5)
    reason = ledger.refusal_of(principal.organization_id, principal.user_id, order.credits)
    return _refusal(reason, principal, order) if reason else None


def find(organization_id: UUID, job_id: UUID) -> Job:
    """The organization's job; raises NotFound alike for an absent and for a foreign one."""
    job = Job.objects.for_organization(organization_id).filter(pk=job_id).first()
    if job is None:
        raise NotFound
    return job


def cancel(job_id: UUID) -> Cancellation:
    """Stop a job: a queued one ends at once and is free, a running one is asked of its worker. Repeatable."""
    body = None
    with transaction.atomic(durable=True):
        job = Job.objects.select_for_update(no_key=True).get(pk=job_id)
        effect = _effect_of_cancel(job)
        if job.status == Status.QUEUED:
            body = _end(job.id, Status.CANCELED)
        elif job.status == Status.RUNNING:
            Job.objects.filter(pk=job.pk, cancel_requested_at=None).update(cancel_requested_at=Now())
    if body is not None:
        progress.announce(job.organization_id, job.id, body)
    job.refresh_from_db()
    return Cancellation(job=job, effect=effect)


def _effect_of_cancel(job: Job) -> Effect:
    """What canceling this job does, or did when it was canceled before."""
    match job.status:
        case Status.QUEUED:
            return "prevented"
        case Status.RUNNING:
            return "requested"
        case Status.CANCELED:
            # A job in its back-off was tried before, and ends as one that never ran.
            return "requested" if job.cancel_requested_at else "prevented"
        case _:
            return "too_late"


def as_retry(job: Job) -> JobRequest:
    """The request for a new job like one that did not succeed; raises JobNotRetryable."""
    if job.status not in {Status.FAILED, Status.CANCELED, Status.EXPIRED}:
        raise JobNotRetryable
    return JobRequest(
        operation=job.operation,
        model=job.model,
        input=job.input,
        metadata=job.metadata,
        priority=job.priority,
        start_deadline_seconds=_seconds_until(job.start_deadline_at, job),
        deadline_seconds=_seconds_until(job.deadline_at, job),
        retry_of=job.id,
    )


def _seconds_until(deadline: datetime | None, job: Job) -> float | None:
    return None if deadline is None else (deadline - job.created_at).total_seconds()


def line(job: Job) -> Line | None:
    """Where a queued job stands; None for any other. Two or three queries over the organization's newest jobs."""
    if job.status != Status.QUEUED:
        return None
    same_line = Job.objects.for_organization(job.organization_id).filter(provider=job.provider)
    ahead = same_line.filter(
        Q(priority__gt=job.priority) | Q(priority=job.priority, id__lt=job.id), status=Status.QUEUED
    )
    position = ahead.count() + 1
    return Line(position=position, estimated_start_at=_estimated_start(same_line, job.provider, position))


def _estimated_start(same_line: QuerySet[Job], provider: str, position: int) -> datetime | None:
    """As the line moved lately, so it will move on; None where it did not move, or stands because staff paused it."""
    now = clock.now()
    newest = same_line.filter(started_at__gte=now - _PACE_IS_READ_OVER).order_by("-id")
    starts = newest.values_list("started_at", flat=True)[:_STARTS_THAT_TELL_THE_PACE]
    moments = [moment for moment in starts if moment]
    if not moments or ProviderState.objects.filter(pk=provider, is_paused=True).exists():
        return None
    return now + (now - min(moments)) / len(moments) * position


def wake_backoffs() -> int:
    """Make jobs claimable whose back-off is over; returns how many. For the sweep; repeatable."""
    due = Job.objects.filter(status=Status.QUEUED, is_ready=False, next_attempt_at__lte=Now())
    return due.update(is_ready=True)


def expire_overdue() -> int:
    """End queued jobs past a deadline (free), and ask running ones past theirs to stop. For the sweep; repeatable."""
    overdue = Job.objects.filter(
        Q(start_deadline_at__lt=Now(), attempts_made=0) | Q(deadline_at__lt=Now()), status=Status.QUEUED
    )
    ended = 0
    for job_id in list(overdue.values_list("id", flat=True)[:500]):
        with transaction.atomic(durable=True):
            job = overdue.select_for_update(no_key=True, skip_locked=True).filter(pk=job_id).first()
            body = _end(job.id, Status.EXPIRED) if job else None
        if job is not None and body is not None:
            ended += 1
            progress.announce(job.organization_id, job.id, body)
    running = Job.objects.filter(status=Status.RUNNING, deadline_at__lt=Now(), cancel_requested_at=None)
    running.update(cancel_requested_at=Now())
    return ended


def _end(job_id: UUID, status: Status, *, code: str = "", detail: str = "") -> str | None:
    """End a live job whose row is locked and that no attempt holds; free. Returns the event's JSON."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generation_end_job(%s, %s, 0, %s, %s, false, '[]', '{}')", [job_id, status.value, code, detail]
        )
        body: str | None = cursor.fetchone()[0]
    return body


@dataclass(frozen=True, slots=True)
class _Row:
    """What the SQL function answered."""

    job_id: UUID
    created_at: datetime
    event: str
    refusal: str | None
    is_replay: bool


def _admit(principal: Principal, order: Order, key: IdempotencyKey | None, trace_id: str, request_id: str) -> _Row:
    request = order.request
    arguments = [
        principal.organization_id,
        principal.user_id,
        principal.api_key_id,
        request.operation,
        request.model,
        order.provider,
        order.input.model_dump_json(by_alias=True, exclude_unset=True),
        json.dumps(request.metadata),
        order.price.unit,
        order.quantity,
        order.price.credits,
        order.price.cost_micro_usd,
        order.price.version,
        order.places,
        request.priority,
        request.start_deadline_seconds,
        request.deadline_seconds,
        request.retry_of,
        trace_id,
        request_id,
        ROUTE,
        key.key if key else None,
        key.body_sha256 if key else None,
    ]
    row = fetch_row(_ADMIT, arguments)
    assert row is not None
    return _Row(*row)


# A new row's columns, which are as many as its model has fields; building a model by keywords costs four times as much.
_NEW = {field.attname: field.get_default() for field in Job._meta.concrete_fields}


def _as_admitted(principal: Principal, order: Order, row: _Row, trace_id: str) -> Job:
    """The admitted row as it was written, without reading it back."""
    request = order.request
    columns = _NEW | {
        "id": row.job_id,
        "organization_id": principal.organization_id,
        "user_id": principal.user_id,
        "api_key_id": principal.api_key_id,
        "operation": request.operation,
        "model": request.model,
        "provider": order.provider,
        "input": order.input.model_dump(mode="json", by_alias=True, exclude_unset=True),
        "metadata": dict(request.metadata),
        "seq": 1,
        "held_credits": order.credits,
        "places": order.places,
        "priority": request.priority,
        "retry_of_id": request.retry_of,
        "trace_id": trace_id,
        "created_at": row.created_at,
        "output_text": [],
        "output_data": {},
    }
    return Job.from_db(connection.alias, columns.keys(), columns.values())


def _refusal(reason: str, principal: Principal, order: Order) -> Refusal:
    match reason:
        case "queue_full":
            return QueueFull(retry_after=5)
        case "insufficient_credits" | "no_wallet":
            return InsufficientCredits(available=ledger.available(principal.organization_id), needed=order.credits)
        case _:
            return BY_REASON[reason]()
