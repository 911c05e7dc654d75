"""The audit trail: only ever read."""

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.text import Truncator
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from accounts.models import AuditEntry
from core.desk import cells
from core.desk.base import LATEST, DeskAdmin, Panel, ReadOnly


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, DeskAdmin):
    list_display = ("moment", "act_done", "who", "whose", "why")
    list_filter = (("organization", AutocompleteSelectFilter), ("actor", AutocompleteSelectFilter))
    list_select_related = ("actor", "organization")
    search_fields = ("action__startswith", "actor__email")
    search_ids = ("pk", "organization_id", "actor_id")
    search_help_text = "The beginning of an act (api_key, ban, …), the address of who did it, or an id."
    ordering = ("-id",)
    fields = ("at", "act_done", "who", "whose", "reason", "facts")

    @admin.display(description="When")
    def moment(self, entry: AuditEntry) -> str:
        return cells.link(cells.change_url("accounts_auditentry", entry.pk), cells.ago(entry.at))

    @admin.display(description="Act")
    def act_done(self, entry: AuditEntry) -> str:
        return entry.action

    @admin.display(description="By")
    def who(self, entry: AuditEntry) -> str:
        return cells.row_link(entry.actor)

    @admin.display(description="Organization")
    def whose(self, entry: AuditEntry) -> str:
        return cells.row_link(entry.organization)

    @admin.display(description="Why")
    def why(self, entry: AuditEntry) -> str:
        return Truncator(entry.reason).chars(80) or cells.NOTHING


def audit_panel(title: str, entries: QuerySet[AuditEntry], links: Sequence[tuple[str, str]] = ()) -> Panel:
    """The last entries of a trail, for the page of whom they are about."""
    return Panel(
        title=title,
        headers=("When", "Act", "By", "Why"),
        rows=[
            (
                cells.link(cells.change_url("accounts_auditentry", entry.pk), cells.ago(entry.at)),
                entry.action,
                cells.row_link(entry.actor),
                Truncator(entry.reason).chars(80) or cells.NOTHING,
            )
            for entry in entries.select_related("actor").order_by("-at")[:LATEST]
        ],
        links=links,
    )
