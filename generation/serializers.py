"""The shapes of jobs, quotes and models over HTTP. Field names are the contract; fields may be added, these stay."""

from datetime import datetime
from typing import Annotated, Any, TypedDict
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from core import clock
from generation import timeline
from generation.catalog import ModelJSON
from generation.jobs import Line
from generation.models import Job
from generation.timeline import Span
from storage.models import Asset
from storage.serializers import AssetJSON, asset_json
from usage.pricing import UnitPrice

_Seconds = Annotated[float, Field(ge=1, le=7 * 86_400)]


class JobBody(BaseModel):
    """The body of `POST /v1/jobs` and `POST /v1/quotes`; `input` is checked against the operation's own schema."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, frozen=True)

    operation: Annotated[str, Field(max_length=40)]
    model: Annotated[str, Field(max_length=80)]
    input: dict[str, Any]
    metadata: dict[
        Annotated[str, StringConstraints(max_length=40)], Annotated[str, StringConstraints(max_length=500)]
    ] = Field(default={}, max_length=50)
    priority: Annotated[int, Field(ge=-10, le=10)] = 0
    start_deadline_seconds: _Seconds | None = None
    deadline_seconds: _Seconds | None = None


class OutputJSON(TypedDict):
    assets: list[AssetJSON]
    text: list[str]
    data: dict[str, Any]


class ErrorJSON(TypedDict):
    code: str
    detail: str
    retryable: bool


class CostJSON(TypedDict):
    heldCredits: int
    chargedCredits: int | None


class JobJSON(TypedDict):
    jobId: str
    status: str
    stage: str | None
    progress: int
    operation: str
    model: str
    provider: str
    input: dict[str, Any]
    output: OutputJSON
    resultUrl: str | None
    error: ErrorJSON | None
    cost: CostJSON
    queuePosition: int | None
    estimatedStartAt: str | None
    attempts: int
    batchId: str | None
    retryOf: str | None
    metadata: dict[str, str]
    createdAt: str
    startedAt: str | None
    finishedAt: str | None
    traceId: str
    links: dict[str, str]


class JobListJSON(TypedDict):
    data: list[JobJSON]
    next: str | None


class SpanJSON(TypedDict):
    part: str
    attempt: int | None
    startedAt: str
    endedAt: str | None
    milliseconds: int | None


class TimelineJSON(TypedDict):
    jobId: str
    traceId: str
    spans: list[SpanJSON]


class CancellationJSON(TypedDict):
    effect: str
    job: JobJSON


class ModelListJSON(TypedDict):
    data: list[ModelJSON]
    next: str | None


class QuoteJSON(TypedDict):
    credits: int
    units: dict[str, int]
    priceVersion: int
    admitted: bool
    problem: dict[str, Any] | None


def job_json(job: Job, *, assets: list[Asset] | None = None, line: Line | None = None) -> JobJSON:
    """A job as the API shows it; `assets` are its ready outputs, whose links are signed now, `line` where it waits."""
    outputs = [asset_json(asset) for asset in assets or ()]
    return {
        "jobId": str(job.id),
        "status": job.status,
        "stage": job.stage or None,
        "progress": job.progress,
        "operation": job.operation,
        "model": job.model,
        "provider": job.provider,
        "input": job.input,
        "output": {"assets": outputs, "text": job.output_text, "data": job.output_data},
        "resultUrl": outputs[0]["url"] if outputs else None,
        "error": _error_json(job),
        "cost": {"heldCredits": job.held_credits, "chargedCredits": job.charged_credits},
        "queuePosition": line.position if line else None,
        "estimatedStartAt": _moment(line.estimated_start_at) if line else None,
        "attempts": job.attempts_made,
        "batchId": None,
        "retryOf": _text(job.retry_of_id),
        "metadata": job.metadata,
        "createdAt": clock.rfc3339(job.created_at),
        "startedAt": _moment(job.started_at),
        "finishedAt": _moment(job.finished_at),
        "traceId": job.trace_id,
        "links": {
            "self": f"/v1/jobs/{job.id}",
            "events": f"/v1/jobs/{job.id}/events",
            "timeline": f"/v1/jobs/{job.id}/timeline",
            "cancel": f"/v1/jobs/{job.id}/cancel",
        },
    }


def timeline_json(job: Job) -> TimelineJSON:
    """Where the job's time went; queries its attempts."""
    return {"jobId": str(job.id), "traceId": job.trace_id, "spans": [_span_json(span) for span in timeline.of(job)]}


def quote_json(price: UnitPrice, quantity: int, problem: dict[str, Any] | None) -> QuoteJSON:
    """What a job would cost, and why it would be refused, if it would."""
    return {
        "credits": quantity * price.credits,
        "units": {price.unit: quantity},
        "priceVersion": price.version,
        "admitted": problem is None,
        "problem": problem,
    }


def _span_json(span: Span) -> SpanJSON:
    return {
        "part": span.part,
        "attempt": span.attempt,
        "startedAt": clock.rfc3339(span.started_at),
        "endedAt": _moment(span.ended_at),
        "milliseconds": round((span.ended_at - span.started_at).total_seconds() * 1_000) if span.ended_at else None,
    }


def _error_json(job: Job) -> ErrorJSON | None:
    if not job.error_code:
        return None
    return {"code": job.error_code, "detail": job.error_detail, "retryable": job.error_retryable}


def _text(key: UUID | None) -> str | None:
    return None if key is None else str(key)


def _moment(at: datetime | None) -> str | None:
    return None if at is None else clock.rfc3339(at)
