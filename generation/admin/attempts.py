"""Attempts and events: the record of what happened, only ever read."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from core.desk import cells
from core.desk.base import DeskAdmin, ReadOnly
from generation.models import Attempt, JobEvent


@admin.register(Attempt)
class AttemptAdmin(ReadOnly, DeskAdmin):
    list_display = (
        "short_id",
        "of_job",
        "number",
        "owner",
        "model",
        "progress",
        "result",
        "task",
        "worker",
        "made",
        "took",
    )
    list_filter = (("step", ChoicesDropdownFilter), ("outcome", ChoicesDropdownFilter))
    list_select_related = ("job__organization",)
    search_fields = ("task_id", "worker", "job__user__email")
    search_ids = ("pk", "job_id", "job__organization_id")
    search_help_text = "The id of an attempt, a job or an organization; a provider's task, a worker, an address."
    ordering = ("-id",)
    fieldsets = (
        (
            None,
            {"fields": (("full_id", "of_job"), ("number", "owner"), ("provider", "model"), ("progress", "result"))},
        ),
        ("At the provider", {"fields": (("task", "billed"), "error_detail")}),
        ("Lease", {"fields": (("worker", "token"), ("lease_until", "crashes"))}),
        (
            "When",
            {"fields": (("created_at", "intent_at"), ("send_before", "submitted_at"), ("delivered_at", "ended_at"))},
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attempt]:
        rows: QuerySet[Attempt] = super().get_queryset(request)
        return rows.defer("job__input", "job__metadata", "job__output_text", "job__output_data")

    @admin.display(description="Attempt")
    def short_id(self, attempt: Attempt) -> str:
        return cells.id_link("generation_attempt", attempt.pk)

    @admin.display(description="Id")
    def full_id(self, attempt: Attempt) -> str:
        return cells.copied(attempt.pk)

    @admin.display(description="Job")
    def of_job(self, attempt: Attempt) -> str:
        return cells.id_link("generation_job", attempt.job_id)

    @admin.display(description="Organization")
    def owner(self, attempt: Attempt) -> str:
        return cells.row_link(attempt.job.organization)

    @admin.display(description="Step")
    def progress(self, attempt: Attempt) -> str:
        return cells.badge(attempt.step)

    @admin.display(description="Outcome")
    def result(self, attempt: Attempt) -> str:
        return format_html("{} {}", cells.badge(attempt.outcome), attempt.error_code)

    @admin.display(description="Task")
    def task(self, attempt: Attempt) -> str:
        return cells.copied(attempt.task_id, shown=attempt.task_id[:16]) if attempt.task_id else cells.NOTHING

    @admin.display(description="Claimed")
    def made(self, attempt: Attempt) -> str:
        return cells.ago(attempt.created_at)

    @admin.display(description="Took")
    def took(self, attempt: Attempt) -> str:
        return cells.span(attempt.created_at, attempt.ended_at)


@admin.register(JobEvent)
class JobEventAdmin(ReadOnly, DeskAdmin):
    list_display = ("moment", "of_job", "seq", "type", "state")
    list_filter = ()
    search_fields = ("type",)
    search_ids = ("pk", "job_id")
    search_help_text = "The id of a job or an event, or a type such as job.failed."
    ordering = ("-id",)
    fields = ("full_id", "of_job", "seq", "type", "at", "told")

    @admin.display(description="When")
    def moment(self, event: JobEvent) -> str:
        return cells.link(cells.change_url("generation_jobevent", event.pk), cells.instant(event.at))

    @admin.display(description="Id")
    def full_id(self, event: JobEvent) -> str:
        return cells.copied(event.pk)

    @admin.display(description="Job")
    def of_job(self, event: JobEvent) -> str:
        return cells.id_link("generation_job", event.job_id)

    @admin.display(description="Status")
    def state(self, event: JobEvent) -> str:
        return cells.badge(_body(event).get("status", ""))

    @admin.display(description="As it was sent")
    def told(self, event: JobEvent) -> str:
        return format_html('<pre class="whitespace-pre-wrap">{}</pre>', json.dumps(_body(event), indent=2))


def _body(event: JobEvent) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(event.body)
    return body
