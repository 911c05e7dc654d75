"""How people sign in: their addresses, their Google accounts, their sessions; and the groups that staff belong to."""

from collections.abc import Mapping
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from unfold.enums import ActionVariant

from accounts import audit
from accounts.desk import AuditedAdmin
from core.desk import cells
from core.desk.acts import act, actor_id, on_page
from core.desk.base import DeskAdmin, ReadOnly

# Google's credentials come from settings, and its tokens are nobody's business here.
for _model in (EmailAddress, SocialAccount, SocialApp, SocialToken, UserSession, Group):
    admin.site.unregister(_model)


@admin.register(EmailAddress)
class EmailAddressAdmin(ReadOnly, DeskAdmin):
    list_display = ("address", "person", "verified", "primary")
    list_filter = ("verified", "primary")
    list_select_related = ("user",)
    search_fields = ("email__startswith",)
    search_ids = ("user_id",)
    search_help_text = "The beginning of an address, or the id of a user."
    ordering = ("-id",)
    fields = ("email", "person", "verified", "primary")
    actions_detail = ("verify",)

    @admin.display(description="Address")
    def address(self, address: EmailAddress) -> str:
        return cells.row_link(address, address.email)

    @admin.display(description="User")
    def person(self, address: EmailAddress) -> str:
        return cells.row_link(address.user)

    def offers(self, act: str, row: EmailAddress) -> bool:
        return not row.verified

    @on_page(description="Mark as verified", icon="mark_email_read")
    def verify(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def perform(address: EmailAddress, given: Mapping[str, Any]) -> str:
            with transaction.atomic():
                # False where somebody else verified the same address.
                if not address.set_verified():
                    return f"{address.email} belongs to another user."
                audit.record(
                    "email.verified_by_staff",
                    actor_id=actor_id(request),
                    organization_id=None,
                    reason=given["reason"],
                    facts={"userId": str(address.user_id), "email": address.email},
                )
            return f"{address.email} counts as verified."

        return act(
            self,
            request,
            EmailAddress.objects.filter(pk=object_id),
            title="Mark as verified",
            is_harsh=False,
            warning="Only for an address whose owner is known to you: it lets them sign in and be invited by it.",
            perform=perform,
            back=cells.change_url("account_emailaddress", object_id),
        )


@admin.register(SocialAccount)
class SocialAccountAdmin(ReadOnly, DeskAdmin):
    list_display = ("account", "provider", "person", "last_login", "date_joined")
    list_select_related = ("user",)
    search_fields = ("uid", "user__email")
    search_ids = ("user_id",)
    search_help_text = "The account's id at Google, an address, or the id of a user."
    ordering = ("-id",)
    fields = ("account", "provider", "person", "last_login", "date_joined")

    @admin.display(description="Account")
    def account(self, account: SocialAccount) -> str:
        return cells.row_link(account, account.uid)

    @admin.display(description="User")
    def person(self, account: SocialAccount) -> str:
        return cells.row_link(account.user)


@admin.register(UserSession)
class UserSessionAdmin(ReadOnly, DeskAdmin):
    list_display = ("person", "seen", "begun", "ip", "user_agent")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    search_ids = ("user_id",)
    search_help_text = "The address or the id of a user."
    ordering = ("-id",)
    fields = ("person", "last_seen_at", "created_at", "ip", "user_agent")
    actions_detail = ("end",)

    @admin.display(description="User")
    def person(self, session: UserSession) -> str:
        return cells.row_link(session, session.user)

    @admin.display(description="Last seen")
    def seen(self, session: UserSession) -> str:
        return cells.ago(session.last_seen_at)

    @admin.display(description="Begun")
    def begun(self, session: UserSession) -> str:
        return cells.ago(session.created_at)

    @on_page(description="Sign out", icon="logout", variant=ActionVariant.DANGER)
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def perform(session: UserSession, given: Mapping[str, Any]) -> str:
            with transaction.atomic():
                session.end()
                audit.record(
                    "session.ended_by_staff",
                    actor_id=actor_id(request),
                    organization_id=None,
                    reason=given["reason"],
                    facts={"userId": str(session.user_id)},
                )
            return f"{session.user} was signed out there."

        return act(
            self,
            request,
            UserSession.objects.filter(pk=object_id).select_related("user"),
            title="Sign out",
            warning="Ends this one session. To keep somebody out, switch the user off as well.",
            perform=perform,
            back=cells.list_url("usersessions_usersession"),
        )


@admin.register(Group)
class GroupAdmin(AuditedAdmin):
    """What members of staff may do; only superusers hand that out."""

    noun = "group"
    list_display = ("named",)
    search_fields = ("name__istartswith",)
    ordering = ("name",)
    filter_horizontal = ("permissions",)
    fields = ("name", "permissions")

    @admin.display(description="Group")
    def named(self, group: Group) -> str:
        return cells.row_link(group)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """With their types at once: each permission's name asks for its own."""
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        if field is not None and db_field.name == "permissions":
            field.queryset = field.queryset.select_related("content_type")
        return field
