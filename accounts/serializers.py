"""Members, organizations, invitations and keys as JSON."""

import unicodedata
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from accounts import api_keys
from accounts.models import ApiKey, Invitation, Membership, Organization, Role
from accounts.rights import Scope
from core import clock
from core.serializers import Moment, StrictSerializer


class Line(serializers.CharField):
    """One line of text for people: names end up in mail subjects and logs."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in text):
            raise serializers.ValidationError("A name is one line without control characters.", code="invalid")
        return text


def in_the_future(at: datetime) -> None:
    if at <= clock.now():
        raise serializers.ValidationError("This time has passed.", code="past")


class MeInput(StrictSerializer):
    """What people may change about themselves here; the e-mail address and the password are allauth's."""

    name = Line(max_length=120, allow_blank=True, required=False)


@extend_schema_serializer(component_name="Me")
class MeOutput(serializers.Serializer[Any]):
    """The signed-in person, and the organization this request acts for."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    name = serializers.CharField()
    createdAt = Moment()
    organizationId = serializers.UUIDField()
    role = serializers.ChoiceField(choices=Role.choices)
    apiKeyId = serializers.UUIDField(allow_null=True)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices),
        allow_null=True,
        help_text="What the API key was narrowed to; null means everything the role may.",
    )


class OrganizationInput(StrictSerializer):
    """An organization to open, or its new name."""

    name = Line(max_length=120)


@extend_schema_serializer(component_name="Organization")
class OrganizationOutput(serializers.ModelSerializer[Organization]):
    isPersonal = serializers.BooleanField(source="is_personal")
    role = serializers.ChoiceField(choices=Role.choices, help_text="The caller's role.")
    createdAt = Moment(source="created_at")

    class Meta:
        model = Organization
        fields = ("id", "name", "isPersonal", "role", "createdAt")


class MemberInput(StrictSerializer):
    """A member's new role."""

    role = serializers.ChoiceField(choices=Role.choices)


@extend_schema_serializer(component_name="Member")
class MemberOutput(serializers.ModelSerializer[Membership]):
    userId = serializers.UUIDField(source="user_id")
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")
    createdAt = Moment(source="created_at")

    class Meta:
        model = Membership
        fields = ("id", "userId", "email", "name", "role", "createdAt")


class InvitationInput(StrictSerializer):
    """A seat for whoever reads mail at this address."""

    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.MEMBER)


@extend_schema_serializer(component_name="Invitation")
class InvitationOutput(serializers.ModelSerializer[Invitation]):
    invitedBy = serializers.UUIDField(source="invited_by_id", allow_null=True)
    createdAt = Moment(source="created_at")
    expiresAt = Moment(source="expires_at")

    class Meta:
        model = Invitation
        fields = ("id", "email", "role", "invitedBy", "createdAt", "expiresAt")


class AcceptInput(StrictSerializer):
    """The end of the link that the invitation's mail carries."""

    token = serializers.CharField(max_length=100)


class ApiKeyInput(StrictSerializer):
    """A key that acts for its maker in the organization."""

    name = Line(max_length=80)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices),
        default=list,
        help_text="What the key may do; none means everything its maker may.",
    )
    expiresAt = serializers.DateTimeField(
        source="expires_at", allow_null=True, default=None, validators=[in_the_future]
    )


@extend_schema_serializer(component_name="ApiKey")
class ApiKeyOutput(serializers.ModelSerializer[ApiKey]):
    prefix = serializers.SerializerMethodField(help_text="How the key begins, to tell it from others.")
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))
    createdBy = serializers.UUIDField(source="user_id")
    createdAt = Moment(source="created_at")
    expiresAt = Moment(source="expires_at", allow_null=True)
    lastUsedAt = Moment(source="last_used_at", allow_null=True)

    class Meta:
        model = ApiKey
        fields = ("id", "name", "prefix", "scopes", "createdBy", "createdAt", "expiresAt", "lastUsedAt")

    def get_prefix(self, key: ApiKey) -> str:
        return f"{api_keys.PREFIX}{key.public_id}"


@extend_schema_serializer(component_name="NewApiKey")
class NewApiKeyOutput(ApiKeyOutput):
    key = serializers.SerializerMethodField(
        help_text="The whole key, shown this once; null when an Idempotency-Key replays the answer."
    )

    class Meta(ApiKeyOutput.Meta):
        fields = (*ApiKeyOutput.Meta.fields, "key")  # type: ignore[assignment]  # a longer tuple

    def get_key(self, key: ApiKey) -> str | None:
        secret: str | None = self.context.get("secret")
        return secret


@extend_schema_serializer(component_name="SocketTicket")
class TicketOutput(serializers.Serializer[Any]):
    """For the first frame of one WebSocket: `{"type": "auth", "ticket": …}`."""

    ticket = serializers.CharField()
    expiresAt = Moment()
