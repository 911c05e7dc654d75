"""Jobs: what was asked, how it went, and the two things staff can do about it."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, DropdownFilter
from unfold.enums import ActionVariant

from accounts import audit, sessions
from core import trace
from core.desk import cells
from core.desk.acts import act, actor_id, on_page
from core.desk.base import DeskAdmin, Panel, ReadOnly
from generation import catalog, jobs
from generation.admin.job_panels import assets_panel, attempts_panel, events_panel, money_panel
from generation.exceptions import JobNotRetryable
from generation.jobs import IdempotencyKey
from generation.models import TERMINAL, Job

_TAB = ("tab",)
_EFFECTS = {
    "prevented": "was canceled before it ran; its credits are free again.",
    "requested": "is being stopped; its worker settles it.",
    "too_late": "had ended before; nothing was changed.",
}


class ByProvider(DropdownFilter):
    """From the catalog: reading the providers that jobs name would read every job."""

    title = "provider"
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted({catalog.provider_of(model) for model, _ in catalog.OFFERS})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(provider=self.value()) if self.value() else queryset


@admin.register(Job)
class JobAdmin(ReadOnly, DeskAdmin):
    list_display = ("short_id", "state", "what", "owner", "by", "price", "error", "made", "took")
    list_filter = (("status", ChoicesDropdownFilter), ByProvider, ("organization", AutocompleteSelectFilter))
    list_select_related = ("organization", "user")
    search_fields = ("user__email", "trace_id", "request_id")
    search_ids = ("pk", "organization_id", "user_id", "api_key_id", "retry_of")
    search_help_text = "The id of a job, an organization, a user or a key; an address; a trace or request id."
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": (("full_id", "state"), ("what", "error_told"), ("owner", "by"), ("key", "again_of"))}),
        ("Asked", {"classes": _TAB, "fields": ("input", "metadata", ("priority", "places"))}),
        ("Made", {"classes": _TAB, "fields": ("output_text", "output_data")}),
        ("Money", {"classes": _TAB, "fields": (("held", "charged"), ("price_line", "cost_each"))}),
        (
            "When",
            {
                "classes": _TAB,
                "fields": (
                    ("created_at", "started_at"),
                    ("finished_at", "cancel_requested_at"),
                    ("start_deadline_at", "deadline_at"),
                    ("next_attempt_at",),
                ),
            },
        ),
        ("Trace", {"classes": _TAB, "fields": ("trace_id", "request_id")}),
    )
    actions = ("cancel_selected", "retry_selected")
    actions_detail = ("cancel", "retry")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        rows: QuerySet[Job] = super().get_queryset(request)
        is_list = request.resolver_match and request.resolver_match.url_name == "generation_job_changelist"
        # Prompts belong to the job's own page; lists neither read nor carry them.
        return rows.defer("input", "metadata", "output_text", "output_data") if is_list else rows

    @admin.display(description="Job")
    def short_id(self, job: Job) -> str:
        return cells.id_link("generation_job", job.pk)

    @admin.display(description="Id")
    def full_id(self, job: Job) -> str:
        return cells.copied(job.pk)

    @admin.display(description="Status")
    def state(self, job: Job) -> str:
        doing = f"{job.stage} {job.progress} %" if job.stage else ""
        return format_html("{} {}", cells.badge(job.status), doing)

    @admin.display(description="Operation")
    def what(self, job: Job) -> str:
        return format_html('{} <span class="text-base-500 dark:text-base-400">{}</span>', job.operation, job.model)

    @admin.display(description="Organization")
    def owner(self, job: Job) -> str:
        return cells.row_link(job.organization)

    @admin.display(description="User")
    def by(self, job: Job) -> str:
        return cells.row_link(job.user)

    @admin.display(description="API key")
    def key(self, job: Job) -> str:
        return cells.row_link(job.api_key)

    @admin.display(description="Retry of")
    def again_of(self, job: Job) -> str:
        return cells.id_link("generation_job", job.retry_of_id)

    @admin.display(description="Credits")
    def price(self, job: Job) -> str:
        return cells.credits(job.held_credits if job.charged_credits is None else job.charged_credits)

    @admin.display(description="Held")
    def held(self, job: Job) -> str:
        return cells.credits(job.held_credits)

    @admin.display(description="Charged")
    def charged(self, job: Job) -> str:
        return cells.credits(job.charged_credits)

    @admin.display(description="Price")
    def price_line(self, job: Job) -> str:
        return f"{job.quantity:,} {job.unit} × {job.unit_credits:,} credits (price version {job.price_version})"

    @admin.display(description="Costs us, each")
    def cost_each(self, job: Job) -> str:
        return cells.money(job.unit_cost_micro_usd)

    @admin.display(description="Error")
    def error(self, job: Job) -> str:
        return job.error_code or cells.NOTHING

    @admin.display(description="Error")
    def error_told(self, job: Job) -> str:
        if not job.error_code:
            return cells.NOTHING
        retryable = "may be retried" if job.error_retryable else "not retryable"
        return f"{job.error_code} ({retryable}): {job.error_detail}"

    @admin.display(description="Made")
    def made(self, job: Job) -> str:
        return cells.ago(job.created_at)

    @admin.display(description="Took")
    def took(self, job: Job) -> str:
        return cells.span(job.created_at, job.finished_at)

    def offers(self, act: str, row: Job) -> bool:
        return row.status not in TERMINAL if act == "cancel" else row.status in TERMINAL and row.status != "succeeded"

    @on_page(description="Cancel", icon="block", variant=ActionVariant.DANGER)
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._cancel(request, _one(object_id), cells.change_url("generation_job", object_id))

    @on_page(description="Retry", icon="replay", variant=ActionVariant.PRIMARY)
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._retry(request, _one(object_id), cells.change_url("generation_job", object_id))

    @admin.action(description="Cancel", permissions=["operate"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse:
        return self._cancel(request, queryset, request.get_full_path())

    @admin.action(description="Retry", permissions=["operate"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse:
        return self._retry(request, queryset, request.get_full_path())

    def _cancel(self, request: HttpRequest, chosen: QuerySet[Job], back: str) -> HttpResponse:
        def perform(job: Job, given: Mapping[str, Any]) -> str:
            effect = jobs.cancel(job.pk).effect
            if effect != "too_late":
                _record("job.canceled_by_staff", request, job, given, effect=effect)
            return f"{job} {_EFFECTS[effect]}"

        return act(
            self,
            request,
            chosen,
            title="Cancel the work",
            warning="A queued job ends at once and is free. A running one is stopped where its provider allows that; "
            "what was made by then is charged.",
            perform=perform,
            back=back,
        )

    def _retry(self, request: HttpRequest, chosen: QuerySet[Job], back: str) -> HttpResponse:
        def perform(job: Job, given: Mapping[str, Any]) -> str:
            owner = sessions.principal_for_user(job.user_id, job.organization_id)
            if owner is None:
                raise JobNotRetryable("Its owner may no longer act in the organization.")
            # One submission of the form makes one job, however often it arrives.
            name = f"staff-{given['token']}-{job.pk}"
            key = IdempotencyKey(key=name, body_sha256=sha256(name.encode()).digest())
            admission = jobs.submit(
                owner,
                jobs.price(jobs.as_retry(job)),
                key=key,
                trace_id=trace.trace_id.get(),
                request_id=trace.request_id.get(),
            )
            if not admission.is_replay:
                _record("job.retried_by_staff", request, job, given, retryId=str(admission.job.pk))
            return f"{job} runs again as {admission.job.pk}."

        return act(
            self,
            request,
            chosen,
            title="Run again",
            is_harsh=False,
            warning="Makes a new job in its owner's name, at today's price, held from the organization's credits.",
            perform=perform,
            back=back,
        )

    def panels(self, row: Job) -> Iterable[Panel]:
        yield attempts_panel(row)
        yield events_panel(row)
        yield assets_panel(row)
        yield money_panel(row)


def _one(object_id: str) -> QuerySet[Job]:
    return Job.objects.filter(pk=object_id)


def _record(act_name: str, request: HttpRequest, job: Job, given: Mapping[str, Any], **facts: str) -> None:
    audit.record(
        act_name,
        actor_id=actor_id(request),
        organization_id=job.organization_id,
        reason=given["reason"],
        facts={"jobId": str(job.pk), **facts},
    )
