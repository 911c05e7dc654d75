"""What an organization may use at once; edited by staff, each change with a reason."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.text import Truncator
from unfold.contrib.filters.admin import AllValuesCheckboxFilter, AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldBooleanSwitchWidget

from accounts import audit
from accounts.desk import AuditedAdmin
from accounts.models import Organization, User
from core import clock
from core.desk import cells
from core.desk.acts import ReasonForm, act, actor_id
from core.desk.base import LATEST, DeskAdmin, Panel, ReadOnly, shown_on
from usage import bans, ledger, limits
from usage.models import Ban, Entitlement, Grant, Hold, LedgerEntry, Price, UsageRecord, Wallet



@admin.register(Entitlement)
class EntitlementAdmin(AuditedAdmin):
    noun = "entitlement"
    list_display = ("owner", "weight", "places", "queued_jobs", "requests_per_minute")
    list_select_related = ("organization",)
    search_fields = ("organization__name__istartswith", "organization__memberships__user__email")
    search_help_text = "An organization's id or the beginning of its name, or a member's address."
    ordering = ("-pk",)
    readonly_fields = ("owner",)
    fields = ("owner", "weight", "places", "queued_jobs", "requests_per_minute")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @display(description="Organization")
    def owner(self, entitlement: Entitlement) -> str:
        return cells.link(cells.change_url("usage_entitlement", entitlement.pk), entitlement.organization)

    def organization_of(self, row: Entitlement) -> UUID:
        return row.organization_id

    def saved(self, row: Entitlement) -> None:
        limits.forget()
