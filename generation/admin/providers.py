"""Providers and models: pause, cap and switch; what claims and attempts keep in the same rows is only shown."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.enums import ActionVariant

from accounts import audit
from accounts.desk import AuditedAdmin
from core import clock, doorbell
from core.desk import cells
from core.desk.acts import act, actor_id, on_page
from core.desk.base import Panel
from generation.models import Job, ModelState, ProviderState, Stage, Status


@admin.register(ProviderState)
class ProviderStateAdmin(AuditedAdmin):
    noun = "provider"
    list_display = ("named", "state", "places", "used", "waiting", "pace_now", "pace_per_minute")
    search_fields = ("provider__startswith",)
    ordering = ("provider",)
    readonly_fields = ("state", "pace_now", "tokens", "resumes_at", "slowed_at")
    fieldsets = (
        (None, {"fields": ("state",)}),
        ("Caps", {"fields": (("places", "pace_per_minute"),)}),
        ("Pace", {"fields": (("pace_now", "tokens"), ("resumes_at", "slowed_at"))}),
    )
    actions_detail = ("pause", "resume")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderState]:
        rows: QuerySet[ProviderState] = super().get_queryset(request)
        jobs = Job.objects.filter(provider=OuterRef("pk")).order_by().values("provider")
        holding = jobs.filter(status=Status.RUNNING).exclude(stage=Stage.STORING)
        return rows.annotate(
            places_used=Coalesce(Subquery(holding.annotate(total=Sum("places")).values("total")), 0),
            jobs_waiting=Coalesce(
                Subquery(jobs.filter(status=Status.QUEUED).annotate(total=Count("id")).values("total")), 0
            ),
        )

    @admin.display(description="Provider")
    def named(self, provider: ProviderState) -> str:
        return cells.row_link(provider)

    @admin.display(description="State")
    def state(self, provider: ProviderState) -> str:
        if provider.is_paused:
            return cells.badge("paused")
        if not provider.is_healthy:
            return cells.badge("unhealthy")
        is_held_back = provider.resumes_at and provider.resumes_at > clock.now()
        return cells.badge("slowed" if is_held_back or provider.pace < provider.pace_per_minute else "on")

    @admin.display(description="Places used")
    def used(self, provider: Any) -> str:
        return cells.number(f"{provider.places_used:,}")

    @admin.display(description="Jobs waiting")
    def waiting(self, provider: Any) -> str:
        return cells.number(f"{provider.jobs_waiting:,}")

    @admin.display(description="Pace now")
    def pace_now(self, provider: ProviderState) -> str:
        return cells.number(f"{provider.pace:,.0f} a minute")

    def offers(self, act: str, row: ProviderState) -> bool:
        return row.is_paused == (act == "resume")

    @on_page(description="Pause", icon="pause", variant=ActionVariant.DANGER)
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._switch(request, object_id, to_paused=True)

    @on_page(description="Resume", icon="play_arrow", variant=ActionVariant.SUCCESS)
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._switch(request, object_id, to_paused=False)

    def _switch(self, request: HttpRequest, object_id: str, *, to_paused: bool) -> HttpResponse:
        def perform(provider: ProviderState, given: Mapping[str, Any]) -> str:
            word = "paused" if to_paused else "resumed"
            with transaction.atomic():
                found = ProviderState.objects.filter(pk=provider.pk, is_paused=not to_paused)
                if not found.update(is_paused=to_paused):
                    return f"{provider} was {word} before."
                audit.record(
                    f"provider.{word}",
                    actor_id=actor_id(request),
                    organization_id=None,
                    reason=given["reason"],
                    facts={"provider": provider.pk},
                )
            if not to_paused:
                doorbell.ring(provider.pk)
            return f"{provider} is {word}."

        return act(
            self,
            request,
            ProviderState.objects.filter(pk=object_id),
            title="Pause" if to_paused else "Resume",
            is_harsh=to_paused,
            warning="Jobs are admitted and wait; those that run go on."
            if to_paused
            else "What waited goes out as fast as the caps and the pace allow.",
            perform=perform,
            back=cells.change_url("generation_providerstate", object_id),
        )

    def panels(self, row: ProviderState) -> Iterable[Panel]:
        yield Panel(
            title="Models",
            headers=("Model", "State", "Places"),
            rows=[
                (cells.row_link(model), cells.badge("on" if model.is_enabled else "off"), f"{model.places:,}")
                for model in row.models.order_by("model")
            ],
        )


@admin.register(ModelState)
class ModelStateAdmin(AuditedAdmin):
    noun = "model"
    list_display = ("named", "by", "state", "places")
    list_filter = (("provider", RelatedDropdownFilter), "is_enabled")
    list_select_related = ("provider",)
    search_fields = ("model__startswith",)
    ordering = ("model",)
    readonly_fields = ("by",)
    fields = ("by", "is_enabled", "places")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="Model")
    def named(self, model: ModelState) -> str:
        return cells.row_link(model)

    @admin.display(description="Provider")
    def by(self, model: ModelState) -> str:
        return cells.row_link(model.provider)

    @admin.display(description="State")
    def state(self, model: ModelState) -> str:
        return cells.badge("on" if model.is_enabled else "off")
