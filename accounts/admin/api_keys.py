"""Keys without their secrets: whose they are, when they were used, and how to end one."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.enums import ActionVariant

from accounts import api_keys
from accounts.api_keys import PREFIX
from accounts.models import ApiKey
from core import clock
from core.desk import cells
from core.desk.acts import act, actor_id, on_page
from core.desk.base import DeskAdmin, ReadOnly


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly, DeskAdmin):
    list_display = ("public", "name", "key_of", "maker", "state", "used", "made")
    list_filter = (("organization", AutocompleteSelectFilter),)
    list_select_related = ("organization", "user")
    search_fields = ("public_id", "user__email")
    search_ids = ("pk", "organization_id", "user_id")
    search_help_text = "The 8 characters after pk_live_, an address, or an id. Never paste a whole key."
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": (("public", "state"), ("name", "scopes"), ("key_of", "maker"))}),
        ("When", {"fields": (("created_at", "last_used_at"), ("expires_at", "revoked_at"))}),
    )
    actions = ("revoke_selected",)
    actions_detail = ("revoke",)

    @admin.display(description="Key")
    def public(self, key: ApiKey) -> str:
        return key_link(key)

    @admin.display(description="Organization")
    def key_of(self, key: ApiKey) -> str:
        return cells.row_link(key.organization)

    @admin.display(description="Made by")
    def maker(self, key: ApiKey) -> str:
        return cells.row_link(key.user)

    @admin.display(description="State")
    def state(self, key: ApiKey) -> str:
        return cells.badge(key_state(key))

    @admin.display(description="Last used")
    def used(self, key: ApiKey) -> str:
        return cells.ago(key.last_used_at)

    @admin.display(description="Made")
    def made(self, key: ApiKey) -> str:
        return cells.ago(key.created_at)

    def offers(self, act: str, row: ApiKey) -> bool:
        return row.revoked_at is None

    @on_page(description="Revoke", icon="key_off", variant=ActionVariant.DANGER)
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        back = cells.change_url("accounts_apikey", object_id)
        return self._revoke(request, ApiKey.objects.filter(pk=object_id), back)

    @admin.action(description="Revoke", permissions=["operate"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse:
        return self._revoke(request, queryset, request.get_full_path())

    def _revoke(self, request: HttpRequest, keys: QuerySet[ApiKey], back: str) -> HttpResponse:
        def perform(key: ApiKey, given: Mapping[str, Any]) -> str:
            api_keys.revoke(
                key.pk, organization_id=key.organization_id, actor_id=actor_id(request), reason=given["reason"]
            )
            return f"{key} was revoked."

        return act(
            self,
            request,
            keys,
            title="Revoke",
            warning="What uses the key is refused within 5 seconds, everywhere. A key cannot be brought back.",
            perform=perform,
            back=back,
        )


def key_link(key: ApiKey) -> str:
    """The part of a key that may be shown, linked."""
    return cells.link(cells.change_url("accounts_apikey", key.pk), f"{PREFIX}{key.public_id}…")


def key_state(key: ApiKey) -> str:
    """In a word what `ApiKey.objects.living` asks the database."""
    if key.revoked_at:
        return "revoked"
    return "expired" if key.expires_at and key.expires_at <= clock.now() else "active"
