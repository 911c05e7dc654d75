"""Organizations, who is in them and who was asked in; other apps put their panels on the page."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from accounts.admin.api_keys import key_link, key_state
from accounts.admin.audit import audit_panel
from accounts.models import Invitation, Membership, Organization, Role
from core import clock
from core.desk import cells
from core.desk.base import LATEST, DeskAdmin, Panel, ReadOnly


@admin.register(Organization)
class OrganizationAdmin(ReadOnly, DeskAdmin):
    list_display = ("title", "short_id", "state", "owner", "available", "made")
    list_filter = ("is_personal",)
    list_select_related = ("wallet",)
    search_fields = ("name__istartswith", "memberships__user__email")
    search_help_text = "The beginning of a name, a member's address, or an id."
    ordering = ("-id",)
    fieldsets = ((None, {"fields": (("full_id", "state"), ("name", "owner"), ("created_at", "closed_at"))}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        owners = Membership.objects.filter(organization=OuterRef("pk"), role=Role.OWNER).order_by("id")
        rows: QuerySet[Organization] = super().get_queryset(request)
        return rows.annotate(owner_email=Subquery(owners.values("user__email")[:1]))

    @admin.display(description="Name")
    def title(self, organization: Organization) -> str:
        return cells.row_link(organization)

    @admin.display(description="Id")
    def short_id(self, organization: Organization) -> str:
        return cells.copied(organization.pk, shown=cells.short(organization.pk))

    @admin.display(description="Id")
    def full_id(self, organization: Organization) -> str:
        return cells.copied(organization.pk)

    @admin.display(description="State")
    def state(self, organization: Organization) -> str:
        if organization.closed_at:
            return cells.badge("closed")
        return cells.badge("personal" if organization.is_personal else "team")

    @admin.display(description="Owner")
    def owner(self, organization: Any) -> str:
        return organization.owner_email or cells.NOTHING

    @admin.display(description="Available credits")
    def available(self, organization: Any) -> str:
        wallet = getattr(organization, "wallet", None)
        return cells.credits(wallet.available) if wallet else cells.NOTHING

    @admin.display(description="Made")
    def made(self, organization: Organization) -> str:
        return cells.ago(organization.created_at)

    def panels(self, row: Organization) -> Iterable[Panel]:
        members = row.memberships.select_related("user").order_by("id")[:LATEST]
        yield Panel(
            title="Members",
            headers=("Person", "Role", "Since"),
            rows=[(cells.row_link(each.user), cells.badge(each.role), cells.ago(each.created_at)) for each in members],
            links=[("All", cells.list_url("accounts_membership", organization__id__exact=row.pk))],
        )
        yield Panel(
            title="API keys",
            headers=("Key", "Name", "State", "Last used"),
            rows=[
                (key_link(key), key.name, cells.badge(key_state(key)), cells.ago(key.last_used_at))
                for key in row.api_keys.order_by("-id")[:LATEST]
            ],
            links=[("All", cells.list_url("accounts_apikey", organization__id__exact=row.pk))],
        )
        yield audit_panel(
            "Audit trail",
            row.audit_entries.all(),
            links=[("All", cells.list_url("accounts_auditentry", organization__id__exact=row.pk))],
        )


@admin.register(Membership)
class MembershipAdmin(ReadOnly, DeskAdmin):
    list_display = ("person", "member_of", "position", "since")
    list_filter = (("role", ChoicesDropdownFilter), ("organization", AutocompleteSelectFilter))
    list_select_related = ("user", "organization")
    search_fields = ("user__email__startswith",)
    search_ids = ("pk", "organization_id", "user_id")
    search_help_text = "The beginning of an address, or the id of a person or an organization."
    ordering = ("-id",)
    fields = ("person", "member_of", "position", "created_at")

    @admin.display(description="Person")
    def person(self, member: Membership) -> str:
        return cells.row_link(member.user)

    @admin.display(description="Organization")
    def member_of(self, member: Membership) -> str:
        return cells.row_link(member.organization)

    @admin.display(description="Role")
    def position(self, member: Membership) -> str:
        return cells.badge(member.role)

    @admin.display(description="Since")
    def since(self, member: Membership) -> str:
        return cells.ago(member.created_at)


@admin.register(Invitation)
class InvitationAdmin(ReadOnly, DeskAdmin):
    list_display = ("email", "invited_to", "position", "state", "sent", "sender")
    list_filter = (("organization", AutocompleteSelectFilter),)
    list_select_related = ("organization", "invited_by")
    search_fields = ("email",)
    search_ids = ("pk", "organization_id")
    search_help_text = "An address, or the id of an organization."
    ordering = ("-id",)
    fields = ("email", "invited_to", "position", "state", "sender", "created_at", "expires_at", "accepted_at")

    @admin.display(description="Organization")
    def invited_to(self, invitation: Invitation) -> str:
        return cells.row_link(invitation.organization)

    @admin.display(description="Role")
    def position(self, invitation: Invitation) -> str:
        return cells.badge(invitation.role)

    @admin.display(description="State")
    def state(self, invitation: Invitation) -> str:
        if invitation.accepted_at:
            return cells.badge("accepted")
        return cells.badge("pending" if invitation.expires_at > clock.now() else "expired")

    @admin.display(description="Sent")
    def sent(self, invitation: Invitation) -> str:
        return cells.ago(invitation.created_at)

    @admin.display(description="By")
    def sender(self, invitation: Invitation) -> str:
        return cells.row_link(invitation.invited_by)
