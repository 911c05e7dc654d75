"""People: what they may do and where they belong. Only superusers make staff."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts import audit, organizations
from accounts.admin.audit import audit_panel
from accounts.desk import AuditedAdmin, ReasonedForm
from accounts.models import User
from core import changes
from core.desk import cells
from core.desk.acts import ReasonForm, act, actor_id, on_page
from core.desk.base import LATEST, Panel


class NewUserForm(ReasonedForm):
    password = forms.CharField(widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}))

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password


class PasswordForm(ReasonForm):
    password = forms.CharField(
        label="New password", widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    )
    field_order = ("password", "reason")

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password


@admin.register(User)
class UserAdmin(AuditedAdmin):
    noun = "user"
    list_display = ("address", "name", "kind", "is_active", "joined")
    list_filter = ("is_staff", "is_superuser", "is_active")
    search_fields = ("email__startswith", "name__istartswith")
    search_help_text = "The beginning of an address or a name, or an id."
    ordering = ("-date_joined",)
    autocomplete_fields = ("groups",)
    readonly_fields = ("id", "date_joined", "last_login")
    fieldsets = (
        (None, {"fields": (("email", "name"), "id", ("date_joined", "last_login"))}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        ("Access", {"fields": ("is_staff",)}),
    )
    actions_detail = ("set_password",)

    @admin.display(description="Address", ordering="email")
    def address(self, user: User) -> str:
        return cells.row_link(user, user.email)

    @admin.display(description="Kind")
    def kind(self, user: User) -> str:
        return cells.badge("superuser" if user.is_superuser else "staff" if user.is_staff else "")

    @admin.display(description="Joined")
    def joined(self, user: User) -> str:
        return cells.ago(user.date_joined)

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs.setdefault("form", self.form if obj else NewUserForm)
        return super().get_form(request, obj, change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Only superusers make staff: whoever may edit users could otherwise make themselves one."""
        guarded = () if _is_superuser(request) else ("is_staff", "is_superuser", "groups")
        return (*self.readonly_fields, *guarded) if obj else guarded

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        is_above = isinstance(obj, User) and (obj.is_staff or obj.is_superuser) and not _is_superuser(request)
        return not is_above and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: User, form: "forms.ModelForm[User]", change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            changes.tell()
            return
        with transaction.atomic():
            user, _ = organizations.create_user_with_organization(
                obj.email, form.cleaned_data["password"], name=obj.name, is_staff=obj.is_staff
            )
            obj.pk = user.pk
            form.changed_data.remove("password")
            self.write_down(request, user, form, change=False)

    @on_page(description="Set password", icon="password")
    def set_password(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def perform(user: User, given: Mapping[str, Any]) -> str:
            user.set_password(given["password"])
            with transaction.atomic():
                user.save(update_fields=["password"])
                audit.record(
                    "user.password_set",
                    actor_id=actor_id(request),
                    organization_id=None,
                    reason=given["reason"],
                    facts={"userId": str(user.pk)},
                )
            return f"{user} has a new password and was signed out everywhere."

        reachable = User.objects.filter(pk=object_id)
        if not _is_superuser(request):
            reachable = reachable.filter(is_staff=False, is_superuser=False)
        return act(
            self,
            request,
            reachable,
            title="Set password",
            warning="Signs the user out everywhere. The reset that people ask for by mail is better.",
            perform=perform,
            form_class=PasswordForm,
            back=cells.change_url("accounts_user", object_id),
        )

    def panels(self, row: User) -> Iterable[Panel]:
        memberships = row.memberships.select_related("organization").order_by("-id")[:LATEST]
        yield Panel(
            title="Organizations",
            headers=("Organization", "Role", "Since"),
            rows=[
                (cells.row_link(each.organization), cells.badge(each.role), cells.ago(each.created_at))
                for each in memberships
            ],
        )
        yield audit_panel("Acts of this person", row.audit_entries.all())


def _is_superuser(request: HttpRequest) -> bool:
    return cast(User, request.user).is_superuser
