"""What we sell and who is on it. dj-stripe's own tables are registered by it and dressed by config.admin."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RelatedDropdownFilter
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.desk import AuditedAdmin
from accounts.models import Organization
from billing import plans
from billing.models import Plan, PlanMembership
from core.desk import cells
from core.desk.acts import ReasonForm, act, actor_id, on_page
from core.desk.base import DeskAdmin, Panel, ReadOnly, shown_on


class PlanForm(ReasonForm):
    plan = forms.ModelChoiceField(Plan.objects.order_by("monthly_credits"), widget=UnfoldAdminSelectWidget)
    field_order = ("plan", "reason")


@admin.register(Plan)
class PlanAdmin(AuditedAdmin):
    noun = "plan"
    list_display = (
        "named",
        "slug",
        "sells_for",
        "credits_a_month",
        "weight",
        "places",
        "queued_jobs",
        "is_default",
    )
    search_fields = ("slug", "title__istartswith")
    ordering = ("monthly_credits",)
    fieldsets = (
        (None, {"fields": (("slug", "title"), ("price_cents", "currency"), ("monthly_credits", "is_default"))}),
        ("At once", {"fields": (("weight", "places"), ("queued_jobs", "requests_per_minute"))}),
        ("Kept", {"fields": ("retention_days",)}),
    )

    @admin.display(description="Plan")
    def named(self, plan: Plan) -> str:
        return cells.row_link(plan)

    @admin.display(description="A month")
    def sells_for(self, plan: Plan) -> str:
        return cells.number(f"{plan.price_cents / 100:,.2f} {plan.currency.upper()}")

    @admin.display(description="Credits a month")
    def credits_a_month(self, plan: Plan) -> str:
        return cells.credits(plan.monthly_credits)

    def get_readonly_fields(self, request: HttpRequest, obj: Plan | None = None) -> tuple[str, ...]:
        """A plan keeps its slug: seeds and settings know it by that."""
        return ("slug",) if obj else ()


@admin.register(PlanMembership)
class PlanMembershipAdmin(ReadOnly, DeskAdmin):
    list_display = ("member", "plan_taken", "credits_a_month", "next_credits")
    list_filter = (("plan", RelatedDropdownFilter), ("organization", AutocompleteSelectFilter))
    list_select_related = ("organization", "plan")
    search_fields = ("organization__name__istartswith", "organization__memberships__user__email")
    search_help_text = "An organization's id or the beginning of its name, or a member's address."
    ordering = ("-pk",)
    fields = (("member", "plan_taken"), ("credits_a_month", "next_credits"), "anchor_at")
    actions_detail = ("change_plan",)

    @admin.display(description="Organization")
    def member(self, membership: PlanMembership) -> str:
        return cells.row_link(membership, membership.organization)

    @admin.display(description="Plan")
    def plan_taken(self, membership: PlanMembership) -> str:
        return cells.row_link(membership.plan)

    @admin.display(description="Credits a month")
    def credits_a_month(self, membership: PlanMembership) -> str:
        return cells.credits(membership.plan.monthly_credits)

    @admin.display(description="Next credits")
    def next_credits(self, membership: PlanMembership) -> str:
        return cells.ago(membership.next_grant_at)

    @on_page(description="Change plan", icon="swap_horiz", variant=ActionVariant.PRIMARY)
    def change_plan(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def perform(organization: Organization, given: Mapping[str, Any]) -> str:
            plan: Plan = given["plan"]
            plans.join(organization.pk, plan, actor_id=actor_id(request), reason=given["reason"])
            return f"{organization} is on {plan}."

        return act(
            self,
            request,
            Organization.objects.filter(pk=object_id),
            title="Change plan",
            warning="At once and without a payment: its limits apply, and this period is brought up to its credits.",
            perform=perform,
            form_class=PlanForm,
            back=cells.change_url("accounts_organization", object_id),
            is_harsh=False,
        )


@shown_on(Organization, permission="billing.view_planmembership")
def plan_panel(organization: Organization) -> Panel:
    found = PlanMembership.objects.filter(pk=organization.pk).select_related("plan")
    return Panel(
        title="Plan",
        headers=("Plan", "Credits a month", "Next credits"),
        rows=[
            (cells.row_link(each.plan), cells.credits(each.plan.monthly_credits), cells.ago(each.next_grant_at))
            for each in found
        ],
        links=[("Change", reverse("admin:billing_planmembership_change_plan", args=[organization.pk]))],
        empty="On no plan.",
    )
