"""What an organization may use at once; edited by staff, each change with a reason."""

from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest

from accounts.desk import AuditedAdmin
from core import changes
from core.desk import cells
from usage.models import Entitlement


@admin.register(Entitlement)
class EntitlementAdmin(AuditedAdmin):
    noun = "entitlement"
    list_display = ("owner", "weight", "places", "queued_jobs", "requests_per_minute", "retention_days")
    list_select_related = ("organization",)
    search_fields = ("organization__name__istartswith", "organization__memberships__user__email")
    search_help_text = "An organization's id or the beginning of its name, or a member's address."
    ordering = ("-pk",)
    readonly_fields = ("owner",)
    fields = ("owner", "weight", "places", "queued_jobs", "requests_per_minute", "retention_days")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="Organization")
    def owner(self, entitlement: Entitlement) -> str:
        return cells.link(cells.change_url("usage_entitlement", entitlement.pk), entitlement.organization)

    def organization_of(self, row: Entitlement) -> UUID:
        return row.organization_id

    def saved(self, row: Entitlement) -> None:
        changes.tell()
