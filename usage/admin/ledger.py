"""Wallets and what moved them: read-only, but for two acts of staff that enter a reason and who it was."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldBooleanSwitchWidget

from accounts import audit
from accounts.models import Organization
from core.desk import cells
from core.desk.acts import ReasonForm, act, actor_id, on_page
from core.desk.base import LATEST, DeskAdmin, Panel, ReadOnly, as_uuid
from usage import ledger
from usage.models import Grant, Hold, LedgerEntry, Wallet

_OF_WALLET = ("wallet__organization", AutocompleteSelectFilter)


class AdjustmentForm(ReasonForm):
    credits = forms.IntegerField(
        widget=UnfoldAdminIntegerFieldWidget,
        min_value=-1_000_000_000,
        max_value=1_000_000_000,
        help_text="More than 0 gives, less takes. 1,000 credits sell for 1 USD.",
    )
    into_debt = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        label="Into debt",
        help_text="Take more than is available; the rest is booked as debt, which blocks new jobs.",
    )
    field_order = ("credits", "into_debt", "reason")

    def clean_credits(self) -> int:
        credits: int = self.cleaned_data["credits"]
        if not credits:
            raise forms.ValidationError("Nothing to give or take.")
        return credits


@admin.register(Wallet)
class WalletAdmin(ReadOnly, DeskAdmin):
    list_display = ("owner", "free", "set_aside", "owed", "opened")
    list_select_related = ("organization",)
    search_fields = ("organization__name__istartswith", "organization__memberships__user__email")
    search_help_text = "An organization's id or the beginning of its name, or a member's address."
    ordering = ("-pk",)
    fields = (("owner", "created_at"), ("free", "set_aside", "owed"))
    actions_detail = ("adjust",)

    @admin.display(description="Organization")
    def owner(self, wallet: Wallet) -> str:
        return cells.link(cells.change_url("usage_wallet", wallet.pk), wallet.organization)

    @admin.display(description="Available")
    def free(self, wallet: Wallet) -> str:
        return cells.credits(wallet.available)

    @admin.display(description="Held")
    def set_aside(self, wallet: Wallet) -> str:
        return cells.credits(wallet.held)

    @admin.display(description="Debt")
    def owed(self, wallet: Wallet) -> str:
        return cells.credits(wallet.debt) if wallet.debt else cells.NOTHING

    @admin.display(description="Opened")
    def opened(self, wallet: Wallet) -> str:
        return cells.ago(wallet.created_at)

    @on_page(description="Adjust credits", icon="balance", variant=ActionVariant.PRIMARY)
    def adjust(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def perform(organization: Organization, given: Mapping[str, Any]) -> str:
            with transaction.atomic():
                ledger.adjust(
                    organization.pk,
                    credits=given["credits"],
                    reference=f"staff:{given['token']}",
                    actor_id=actor_id(request),
                    reason=given["reason"],
                    into_debt=given["into_debt"],
                )
                _record_adjustment(organization, given, actor_id(request))
            return f"{given['credits']:+,} credits for {organization}."

        return act(
            self,
            request,
            Organization.objects.filter(pk=object_id),
            title="Adjust credits",
            is_harsh=False,
            warning="The entry cannot be changed afterwards; a mistake is put right by another adjustment.",
            perform=perform,
            form_class=AdjustmentForm,
            back=cells.change_url("accounts_organization", object_id),
        )

    def panels(self, row: Wallet) -> Iterable[Panel]:
        yield Panel(
            title="Credits to draw, in this order",
            headers=("Grant", "Left", "Of", "Until"),
            rows=[
                (
                    cells.row_link(grant, grant.kind),
                    cells.credits(grant.remaining),
                    cells.credits(grant.credits),
                    cells.ago(grant.expires_at) if grant.expires_at else "no end",
                )
                for grant in row.grants.drawable()[:LATEST]
            ],
            links=[("All grants", cells.list_url("usage_grant", wallet__organization__id__exact=row.pk))],
        )
        yield Panel(
            title="Open holds",
            headers=("Reference", "Credits", "Since"),
            rows=[
                (reference_link(hold.reference), cells.credits(hold.credits), cells.ago(hold.created_at))
                for hold in row.holds.filter(state=Hold.State.OPEN).order_by("-id")[:LATEST]
            ],
            links=[("All holds", cells.list_url("usage_hold", wallet__organization__id__exact=row.pk))],
        )
        entries = row.entries.select_related("actor").order_by("-id")[:LATEST]
        yield Panel(
            title="Ledger",
            headers=("When", "Entry", "Available", "Held", "Debt", "Available after", "By"),
            rows=[
                (
                    cells.ago(entry.at),
                    cells.link(cells.change_url("usage_ledgerentry", entry.pk), cells.badge(entry.kind)),
                    cells.change(entry.available),
                    cells.change(entry.held),
                    cells.change(entry.debt),
                    cells.credits(entry.available_after),
                    cells.row_link(entry.actor),
                )
                for entry in entries
            ],
            links=[("All entries", cells.list_url("usage_ledgerentry", wallet__organization__id__exact=row.pk))],
        )


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnly, DeskAdmin):
    list_display = ("number", "moment", "kind_of", "owner", "to_available", "to_held", "to_debt", "after", "who")
    list_filter = (("kind", ChoicesDropdownFilter), _OF_WALLET)
    list_select_related = ("wallet__organization", "actor")
    search_fields = ("reference", "wallet__organization__memberships__user__email", "actor__email")
    search_ids = ("wallet",)
    search_help_text = "A whole reference, a member's or the actor's address, or the id of an organization."
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": (("number", "kind_of"), ("owner", "at"), "reference")}),
        ("Movement", {"fields": (("to_available", "to_held"), ("to_debt", "to_outside"), "lots")}),
        ("Wallet after it", {"fields": (("after", "held_after", "debt_after"),)}),
        ("Why", {"fields": ("who", "reason")}),
    )

    @admin.display(description="No.")
    def number(self, entry: LedgerEntry) -> str:
        return cells.link(cells.change_url("usage_ledgerentry", entry.pk), entry.pk)

    @admin.display(description="When")
    def moment(self, entry: LedgerEntry) -> str:
        return cells.ago(entry.at)

    @admin.display(description="Kind")
    def kind_of(self, entry: LedgerEntry) -> str:
        return cells.badge(entry.kind)

    @admin.display(description="Organization")
    def owner(self, entry: LedgerEntry) -> str:
        return cells.row_link(entry.wallet, entry.wallet.organization)

    @admin.display(description="Available")
    def to_available(self, entry: LedgerEntry) -> str:
        return cells.change(entry.available)

    @admin.display(description="Held")
    def to_held(self, entry: LedgerEntry) -> str:
        return cells.change(entry.held)

    @admin.display(description="Debt")
    def to_debt(self, entry: LedgerEntry) -> str:
        return cells.change(entry.debt)

    @admin.display(description="Outside")
    def to_outside(self, entry: LedgerEntry) -> str:
        return cells.change(entry.outside)

    @admin.display(description="Available after")
    def after(self, entry: LedgerEntry) -> str:
        return cells.credits(entry.available_after)

    @admin.display(description="By")
    def who(self, entry: LedgerEntry) -> str:
        return cells.row_link(entry.actor)


@admin.register(Grant)
class GrantAdmin(ReadOnly, DeskAdmin):
    list_display = ("short_id", "owner", "kind", "granted", "left", "until", "made")
    list_filter = (("kind", ChoicesDropdownFilter), "is_spent", _OF_WALLET)
    list_select_related = ("wallet__organization",)
    search_fields = ("reference", "wallet__organization__memberships__user__email")
    search_ids = ("pk", "wallet")
    search_help_text = "A whole reference, a member's address, or the id of a grant or an organization."
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": (("short_id", "kind"), ("owner", "priority"), "reference")}),
        ("Credits", {"fields": (("granted", "left"),)}),
        ("When", {"fields": (("created_at", "expires_at", "expired_at"),)}),
    )

    @admin.display(description="Grant")
    def short_id(self, grant: Grant) -> str:
        return cells.id_link("usage_grant", grant.pk)

    @admin.display(description="Organization")
    def owner(self, grant: Grant) -> str:
        return cells.row_link(grant.wallet, grant.wallet.organization)

    @admin.display(description="Credits")
    def granted(self, grant: Grant) -> str:
        return cells.credits(grant.credits)

    @admin.display(description="Left")
    def left(self, grant: Grant) -> str:
        return cells.credits(grant.remaining)

    @admin.display(description="Until")
    def until(self, grant: Grant) -> str:
        return cells.ago(grant.expires_at) if grant.expires_at else "no end"

    @admin.display(description="Made")
    def made(self, grant: Grant) -> str:
        return cells.ago(grant.created_at)


@admin.register(Hold)
class HoldAdmin(ReadOnly, DeskAdmin):
    list_display = ("short_id", "job", "owner", "condition", "set_aside", "taken", "made", "closed")
    list_filter = (("state", ChoicesDropdownFilter), _OF_WALLET)
    list_select_related = ("wallet__organization",)
    search_fields = ("reference", "wallet__organization__memberships__user__email")
    search_ids = ("pk", "wallet")
    search_help_text = "job:<id>, a member's address, or the id of a job, a hold or an organization."
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": (("short_id", "condition"), ("job", "owner"))}),
        ("Credits", {"fields": (("set_aside", "taken"), "lots")}),
        ("When", {"fields": (("created_at", "closed_at"),)}),
    )
    actions_detail = ("release",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Hold], search_term: str
    ) -> tuple[QuerySet[Hold], bool]:
        found, has_duplicates = super().get_search_results(request, queryset, search_term)
        return found | queryset.filter(reference=f"job:{search_term.strip().lower()}"), has_duplicates

    @admin.display(description="Hold")
    def short_id(self, hold: Hold) -> str:
        return cells.id_link("usage_hold", hold.pk)

    @admin.display(description="For")
    def job(self, hold: Hold) -> str:
        return reference_link(hold.reference)

    @admin.display(description="Organization")
    def owner(self, hold: Hold) -> str:
        return cells.row_link(hold.wallet, hold.wallet.organization)

    @admin.display(description="State")
    def condition(self, hold: Hold) -> str:
        return cells.badge(hold.state)

    @admin.display(description="Held")
    def set_aside(self, hold: Hold) -> str:
        return cells.credits(hold.credits)

    @admin.display(description="Captured")
    def taken(self, hold: Hold) -> str:
        return cells.credits(hold.captured)

    @admin.display(description="Opened")
    def made(self, hold: Hold) -> str:
        return cells.ago(hold.created_at)

    @admin.display(description="Closed")
    def closed(self, hold: Hold) -> str:
        return cells.ago(hold.closed_at)

    def offers(self, act: str, row: Hold) -> bool:
        return row.state == Hold.State.OPEN

    @on_page(description="Release", icon="lock_open", variant=ActionVariant.DANGER)
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def perform(hold: Hold, given: Mapping[str, Any]) -> str:
            with transaction.atomic():
                if not ledger.release_hold(hold.reference, actor_id=actor_id(request), reason=given["reason"]):
                    return "The hold was closed before; nothing moved."
                audit.record(
                    "hold.released",
                    actor_id=actor_id(request),
                    organization_id=hold.wallet_id,
                    reason=given["reason"],
                    facts={"reference": hold.reference, "credits": hold.credits},
                )
            return f"{hold.credits:,} credits were given back."

        return act(
            self,
            request,
            Hold.objects.filter(pk=object_id),
            title="Release the hold",
            warning="For a hold that nothing will settle any more. A job that still runs delivers all the same and "
            "is then free: cancel it first.",
            perform=perform,
            back=cells.change_url("usage_hold", object_id),
        )


def _record_adjustment(organization: Organization, given: Mapping[str, Any], actor: UUID) -> None:
    """Once for a form that came twice: the wallet is locked since the adjustment, so both see each other."""
    facts = {"credits": given["credits"], "reference": f"adjust:staff:{given['token']}"}
    if not organization.audit_entries.filter(action="wallet.adjusted", facts=facts).exists():
        audit.record(
            "wallet.adjusted", actor_id=actor, organization_id=organization.pk, reason=given["reason"], facts=facts
        )


def reference_link(reference: str) -> str:
    """What a hold is for: its job, as far as the reference names one."""
    kind, _, name = reference.partition(":")
    if kind == "job" and (job_id := as_uuid(name)):
        return cells.id_link("generation_job", job_id)
    return reference
