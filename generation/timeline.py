"""What a job spent its time on: the queue, and of each attempt the submission, the provider, storing and settling.

Read from the moments that the rows keep anyway. Spans follow one another; the last of a living job has no end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from generation.models import Attempt, Job

type Part = Literal["queue", "submit", "provider", "store", "settle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One part of a job's life; `attempt` is the number of the attempt it belongs to, None for waiting in the queue."""

    part: Part
    attempt: int | None
    started_at: datetime
    ended_at: datetime | None


def of(job: Job) -> list[Span]:
    """The job's spans in order of time; queries its attempts."""
    spans: list[Span] = []
    waiting_since, last_outcome = job.created_at, ""
    for attempt in job.attempts.order_by("number"):
        spans.append(_span("queue", None, waiting_since, attempt.created_at))
        spans += _parts(attempt)
        if attempt.ended_at is None:
            return spans
        waiting_since, last_outcome = attempt.ended_at, attempt.outcome
    if last_outcome == job.status:
        # The attempt that ended the job. Any other end came over it in the queue: a cancel, or a deadline.
        spans.append(_span("settle", spans[-1].attempt, waiting_since, job.finished_at))
    else:
        spans.append(_span("queue", None, waiting_since, job.finished_at))
    return spans


def _parts(attempt: Attempt) -> Iterator[Span]:
    """A task was accepted at `submitted_at`; a provider without tasks works from the call to its answer."""
    number, delivered_at = attempt.number, attempt.delivered_at
    has_task = attempt.submitted_at is not None and attempt.submitted_at != delivered_at
    accepted_at = attempt.submitted_at if has_task else attempt.intent_at
    yield _span("submit", number, attempt.created_at, accepted_at or attempt.ended_at)
    if accepted_at:
        yield _span("provider", number, accepted_at, delivered_at or attempt.ended_at)
    if delivered_at:
        yield _span("store", number, delivered_at, attempt.ended_at)


def _span(part: Part, attempt: int | None, started_at: datetime, ended_at: datetime | None) -> Span:
    return Span(part=part, attempt=attempt, started_at=started_at, ended_at=ended_at)
