"""Bans: imposed and lifted, never edited."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils.text import Truncator
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from core import clock
from core.desk import cells
from core.desk.acts import act, actor_id, on_page
from core.desk.base import DeskAdmin
from usage import bans
from usage.models import Ban


class BanForm(forms.ModelForm):  # type: ignore[type-arg]  # as of any model form
    reason = forms.CharField(max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        organization, user = given.get("organization"), given.get("user")
        if (organization is None) == (user is None):
            raise forms.ValidationError("A ban is of an organization or of a user: name one of them.")
        if Ban.objects.in_force().filter(organization=organization, user=user).exists():
            raise forms.ValidationError("There is a ban in force already.")
        return given


@admin.register(Ban)
class BanAdmin(DeskAdmin):
    form = BanForm
    list_display = ("subject", "force", "why", "who", "made", "ends")
    list_filter = (("organization", AutocompleteSelectFilter), ("user", AutocompleteSelectFilter))
    list_select_related = ("organization", "user", "created_by")
    search_fields = ("user__email", "organization__memberships__user__email")
    search_ids = ("pk", "organization_id", "user_id")
    search_help_text = "An address, or the id of an organization, a user or a ban."
    ordering = ("-id",)
    autocomplete_fields = ("organization", "user")
    fields = (("subject", "force"), ("who", "created_at"), ("ends_at", "lifted_at"), "reason")
    add_fieldsets = ((None, {"fields": ("organization", "user", "reason", "ends_at")}),)
    actions_detail = ("lift",)

    def has_change_permission(self, request: HttpRequest, obj: Ban | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Ban, form: "forms.ModelForm[Ban]", change: bool) -> None:
        ban = bans.impose(
            organization_id=obj.organization_id,
            user_id=obj.user_id,
            reason=obj.reason,
            actor_id=actor_id(request),
            ends_at=obj.ends_at,
        )
        if ban is None:
            messages.warning(request, "Somebody else was faster: there is a ban in force already.")
        else:
            obj.pk = ban.pk

    @admin.display(description="Of")
    def subject(self, ban: Ban) -> str:
        return cells.row_link(ban, ban.organization or ban.user)

    @admin.display(description="State")
    def force(self, ban: Ban) -> str:
        return cells.badge(force_of(ban))

    @admin.display(description="Why")
    def why(self, ban: Ban) -> str:
        return Truncator(ban.reason).chars(80)

    @admin.display(description="By")
    def who(self, ban: Ban) -> str:
        return cells.row_link(ban.created_by)

    @admin.display(description="Since")
    def made(self, ban: Ban) -> str:
        return cells.ago(ban.created_at)

    @admin.display(description="Ends")
    def ends(self, ban: Ban) -> str:
        return cells.ago(ban.ends_at)

    def offers(self, act: str, row: Ban) -> bool:
        return force_of(row) == "banned"

    @on_page(description="Lift", icon="lock_open", variant=ActionVariant.PRIMARY)
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def perform(ban: Ban, given: Mapping[str, Any]) -> str:
            if not bans.lift(ban.pk, actor_id=actor_id(request), reason=given["reason"]):
                return "The ban was over before."
            return f"The {ban} was lifted."

        return act(
            self,
            request,
            Ban.objects.filter(pk=object_id),
            title="Lift the ban",
            is_harsh=False,
            warning="New jobs are admitted again at once.",
            perform=perform,
            back=cells.change_url("usage_ban", object_id),
        )


def force_of(ban: Ban) -> str:
    """In words what `Ban.objects.in_force` asks the database."""
    if ban.lifted_at:
        return "lifted"
    return "over" if ban.ends_at and ban.ends_at <= clock.now() else "banned"
