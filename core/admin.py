"""Idempotency keys, for the question why a second submission made no second job."""

from django.contrib import admin

from core.desk import cells
from core.desk.base import DeskAdmin, ReadOnly
from core.models import IdempotencyRecord


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(ReadOnly, DeskAdmin):
    list_display = ("key_used", "route", "status_code", "organization", "resource", "made")
    search_fields = ("key",)
    search_ids = ("pk", "organization_id", "resource_id")
    search_help_text = "A key, or the id of an organization or of what was made."
    ordering = ("-id",)
    fields = ("key", "route", "status_code", "organization", "resource", "created_at")

    @admin.display(description="Key")
    def key_used(self, row: IdempotencyRecord) -> str:
        return cells.copied(row.key, shown=row.key[:40], url=cells.change_url("core_idempotencyrecord", row.pk))

    @admin.display(description="Organization")
    def organization(self, row: IdempotencyRecord) -> str:
        return cells.id_link("accounts_organization", row.organization_id)

    @admin.display(description="Made")
    def resource(self, row: IdempotencyRecord) -> str:
        return cells.copied(row.resource_id, shown=cells.short(row.resource_id))

    @admin.display(description="Sent")
    def made(self, row: IdempotencyRecord) -> str:
        return cells.ago(row.created_at)
