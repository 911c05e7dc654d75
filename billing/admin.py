"""What we sell and who is on it. dj-stripe's own tables are registered by it and dressed by config.admin."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RelatedDropdownFilter
from unfold.decorators import display

from accounts.desk import AuditedAdmin
from accounts.models import Organization
from billing.models import Plan, PlanMembership
from core.desk import cells
from core.desk.base import DeskAdmin, Panel, ReadOnly, shown_on


@admin.register(Plan)
class PlanAdmin(AuditedAdmin):
    noun = "plan"
    list_display = ("named", "slug", "credits_a_month", "weight", "places", "queued_jobs", "per_minute", "is_default")
    search_fields = ("slug", "title__istartswith")
    ordering = ("monthly_credits",)
    fieldsets = (
        (None, {"fields": (("slug", "title"), ("monthly_credits", "is_default"))}),
        ("At once", {"fields": (("weight", "places"), ("queued_jobs", "requests_per_minute"))}),
    )

    @display(description="Plan")
    def named(self, plan: Plan) -> str:
        return cells.row_link(plan)

    @display(description="Credits a month")
    def credits_a_month(self, plan: Plan) -> str:
        return cells.credits(plan.monthly_credits)

    @display(description="Requests a minute")
    def per_minute(self, plan: Plan) -> str:
        return cells.number(f"{plan.requests_per_minute:,}")

    def get_readonly_fields(self, request: HttpRequest, obj: Plan | None = None) -> tuple[str, ...]:
        """A plan keeps its slug: seeds and settings know it by that."""
        return ("slug",) if obj else ()


@admin.register(PlanMembership)
class PlanMembershipAdmin(ReadOnly, DeskAdmin):
    list_display = ("member", "plan_taken", "credits_a_month", "anchor_at")
    list_filter = (("plan", RelatedDropdownFilter), ("organization", AutocompleteSelectFilter))
    list_select_related = ("organization", "plan")
    search_fields = ("organization__name__istartswith", "organization__memberships__user__email")
    search_help_text = "An organization's id or the beginning of its name, or a member's address."
    ordering = ("-pk",)
    fields = ("member", "plan_taken", "credits_a_month", "anchor_at")

    @display(description="Organization")
    def member(self, membership: PlanMembership) -> str:
        return cells.row_link(membership, membership.organization)

    @display(description="Plan")
    def plan_taken(self, membership: PlanMembership) -> str:
        return cells.row_link(membership.plan)

    @display(description="Credits a month")
    def credits_a_month(self, membership: PlanMembership) -> str:
        return cells.credits(membership.plan.monthly_credits)


@shown_on(Organization, permission="billing.view_planmembership")
def plan_panel(organization: Organization) -> Panel:
    found = PlanMembership.objects.filter(pk=organization.pk).select_related("plan")
    return Panel(
        title="Plan",
        headers=("Plan", "Credits a month", "Periods begin"),
        rows=[
            (cells.row_link(each.plan), cells.credits(each.plan.monthly_credits), f"{each.anchor_at:%d %H:%M} UTC")
            for each in found
        ],
        empty="On no plan.",
    )
