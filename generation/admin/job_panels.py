"""The tables below a job: its attempts and events in order, what it made, and what it moved."""

import json
from typing import Any

from django.utils.html import format_html

from core.desk import cells
from core.desk.base import Panel
from generation.models import Job, JobEvent
from storage import assets
from storage.models import Asset
from usage.models import Hold, UsageRecord

_MOST_EVENTS = 100


def attempts_panel(job: Job) -> Panel:
    return Panel(
        title="Attempts",
        headers=(
            "No.",
            "Model",
            "Step",
            "Outcome",
            "Task",
            "Worker",
            "Claimed",
            "Sent",
            "Accepted",
            "Delivered",
            "Ended",
        ),
        rows=[
            (
                cells.row_link(attempt, attempt.number),
                attempt.model,
                cells.badge(attempt.step),
                format_html("{} {}", cells.badge(attempt.outcome), attempt.error_code),
                cells.copied(attempt.task_id, shown=attempt.task_id[:16]) if attempt.task_id else cells.NOTHING,
                attempt.worker,
                cells.instant(attempt.created_at),
                cells.instant(attempt.intent_at),
                cells.instant(attempt.submitted_at),
                cells.instant(attempt.delivered_at),
                cells.instant(attempt.ended_at),
            )
            for attempt in job.attempts.order_by("number")
        ],
        empty="Not tried yet.",
    )


def events_panel(job: Job) -> Panel:
    # The last ones of a job with very many, in the order they happened.
    events: list[JobEvent] = list(job.events.order_by("-seq")[:_MOST_EVENTS])[::-1]
    begun = job.created_at
    return Panel(
        title="Events",
        headers=("Seq", "Type", "Status", "Stage", "Progress", "At", "After"),
        rows=[_event_row(event, begun) for event in events],
        links=[("All", cells.list_url("generation_jobevent", job__id__exact=job.pk))] if job.seq > len(events) else (),
    )


def _event_row(event: JobEvent, begun: Any) -> tuple[object, ...]:
    body = json.loads(event.body)
    return (
        cells.row_link(event, event.seq),
        event.type,
        cells.badge(body.get("status", "")),
        body.get("stage") or cells.NOTHING,
        f"{body.get('progress', 0)} %",
        cells.instant(event.at),
        cells.span(begun, event.at),
    )


def assets_panel(job: Job) -> Panel:
    outputs = Asset.objects.filter(job_id=job.pk).select_related("blob").order_by("job_index")
    return Panel(
        title="Outputs",
        headers=("No.", "Asset", "Picture", "Status", "Size"),
        rows=[
            (
                asset.job_index,
                cells.id_link("storage_asset", asset.pk),
                _thumbnail(asset),
                cells.badge("deleted" if asset.deleted_at else asset.status),
                cells.size(asset.blob.size_bytes if asset.blob else None),
            )
            for asset in outputs
        ],
    )


def _thumbnail(asset: Asset) -> str:
    if asset.kind != Asset.Kind.IMAGE or asset.blob is None:
        return cells.NOTHING
    return format_html(
        '<img src="{}" alt="" loading="lazy" class="rounded-default" style="height: 64px">', assets.sign(asset).url
    )


def money_panel(job: Job) -> Panel:
    holds = Hold.objects.filter(reference=f"job:{job.pk}")
    records = UsageRecord.objects.filter(job_id=job.pk).order_by("id")
    return Panel(
        title="Money",
        headers=("What", "State", "Credits", "Taken", "Cost", "At"),
        rows=[
            *(
                (
                    cells.row_link(hold, "Hold"),
                    cells.badge(hold.state),
                    cells.credits(hold.credits),
                    cells.credits(hold.captured),
                    cells.NOTHING,
                    cells.instant(hold.created_at),
                )
                for hold in holds
            ),
            *(
                (
                    cells.row_link(record, "Usage record"),
                    cells.badge(record.outcome),
                    cells.NOTHING,
                    cells.credits(record.credits),
                    cells.money(record.cost_micro_usd),
                    cells.instant(record.at),
                )
                for record in records
            ),
        ],
        links=[("Wallet", cells.change_url("usage_wallet", job.organization_id))],
    )
