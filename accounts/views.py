"""Accounts over HTTP. A path that names an organization is judged by the caller's membership in that one."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts import api_keys, invitations, members, organizations, tickets
from accounts.exceptions import InsufficientScope, RoleForbids
from accounts.models import ApiKey, Invitation, Membership, Organization, User
from accounts.permissions import CanManage
from accounts.principal import Principal, acting
from accounts.serializers import (
    AcceptInput,
    ApiKeyInput,
    ApiKeyOutput,
    InvitationInput,
    InvitationOutput,
    MeInput,
    MemberInput,
    MemberOutput,
    MeOutput,
    NewApiKeyOutput,
    OrganizationInput,
    OrganizationOutput,
    TicketOutput,
)
from accounts.sessions import act_in
from core import idempotency
from core.exceptions import NotFound
from core.serializers import StrictSerializer

IDEMPOTENCY_KEY = OpenApiParameter(
    idempotency.HEADER, location=OpenApiParameter.HEADER, description="Your name for this submission; repeats replay."
)


class Me(APIView):
    scope = "account"

    @extend_schema(
        operation_id="getMe",
        summary="Who you are and which organization you act for",
        tags=["account"],
        responses=MeOutput,
    )
    def get(self, request: Request) -> Response:
        return _me(acting(request))

    @extend_schema(
        operation_id="updateMe", summary="Change your name", tags=["account"], request=MeInput, responses=MeOutput
    )
    def patch(self, request: Request) -> Response:
        if changes := _read(MeInput, request, partial=True):
            User.objects.filter(pk=acting(request).user_id).update(**changes)
        return _me(acting(request))


class Organizations(ListAPIView[Organization]):
    scope = "account"
    queryset = Organization.objects.none()  # for the API document, which is made without a request
    serializer_class = OrganizationOutput

    def get_queryset(self) -> QuerySet[Organization]:
        return _visible_organizations(acting(self.request))

    @extend_schema(operation_id="listOrganizations", summary="Your organizations", tags=["account"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="createOrganization",
        summary="Open a shared organization",
        tags=["account"],
        request=OrganizationInput,
        responses={201: OrganizationOutput},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> Response:
        name: str = _read(OrganizationInput, request)["name"]
        owner = User.objects.get(pk=acting(request).user_id)
        organization_id, replayed = _once(
            request, acting(request), "organizations", lambda: organizations.create_organization(name, owner).pk
        )
        row = _found(Organization.objects.for_user(owner.pk), organization_id)
        return _created(OrganizationOutput(row), f"/v1/organizations/{row.pk}", replayed=replayed)


class OrganizationDetail(APIView):
    scope = "account"

    @extend_schema(
        operation_id="getOrganization", summary="One organization", tags=["account"], responses=OrganizationOutput
    )
    def get(self, request: Request, organization_id: UUID) -> Response:
        actor = act_in(acting(request), organization_id)
        return Response(OrganizationOutput(Organization.objects.for_user(actor.user_id).get(pk=organization_id)).data)

    @extend_schema(
        operation_id="updateOrganization",
        summary="Rename an organization",
        tags=["account"],
        request=OrganizationInput,
        responses=OrganizationOutput,
    )
    def patch(self, request: Request, organization_id: UUID) -> Response:
        actor = _managing(request, organization_id)
        if changes := _read(OrganizationInput, request, partial=True):
            organizations.rename(actor, changes["name"])
        return self.get(request, organization_id)


class Members(ListAPIView[Membership]):
    scope = "account"
    queryset = Membership.objects.none()  # for the API document, which is made without a request
    serializer_class = MemberOutput

    def get_queryset(self) -> QuerySet[Membership]:
        actor = act_in(acting(self.request), self.kwargs["organization_id"])
        return Membership.objects.filter(organization_id=actor.organization_id).select_related("user")

    @extend_schema(operation_id="listMembers", summary="Members of an organization", tags=["account"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class MemberDetail(APIView):
    scope = "account"

    @extend_schema(
        operation_id="updateMember",
        summary="Change a member's role",
        tags=["account"],
        request=MemberInput,
        responses=MemberOutput,
    )
    def patch(self, request: Request, organization_id: UUID, member_id: UUID) -> Response:
        actor = _managing(request, organization_id)
        member = members.change_role(actor, member_id, _read(MemberInput, request, partial=True).get("role"))
        return Response(MemberOutput(member).data)

    @extend_schema(
        operation_id="removeMember", summary="Remove a member, or leave", tags=["account"], responses={204: None}
    )
    def delete(self, request: Request, organization_id: UUID, member_id: UUID) -> Response:
        members.remove(act_in(acting(request), organization_id), member_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Invitations(ListAPIView[Invitation]):
    scope = "account"
    queryset = Invitation.objects.none()  # for the API document, which is made without a request
    serializer_class = InvitationOutput

    def get_queryset(self) -> QuerySet[Invitation]:
        actor = _managing(self.request, self.kwargs["organization_id"])
        return Invitation.objects.pending().filter(organization_id=actor.organization_id)

    @extend_schema(operation_id="listInvitations", summary="Pending invitations", tags=["account"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="createInvitation",
        summary="Invite somebody by e-mail",
        tags=["account"],
        request=InvitationInput,
        responses={201: InvitationOutput},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, organization_id: UUID) -> Response:
        actor = _managing(request, organization_id)
        body = _read(InvitationInput, request)
        invitation_id, replayed = _once(request, actor, "invitations", lambda: invitations.invite(actor, **body).pk)
        row = _found(Invitation.objects.all(), invitation_id)
        return _created(InvitationOutput(row), None, replayed=replayed)


class InvitationDetail(APIView):
    scope = "account"

    @extend_schema(
        operation_id="withdrawInvitation", summary="Withdraw an invitation", tags=["account"], responses={204: None}
    )
    def delete(self, request: Request, organization_id: UUID, invitation_id: UUID) -> Response:
        invitations.withdraw(_managing(request, organization_id), invitation_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AcceptInvitation(APIView):
    scope = "account"

    @extend_schema(
        operation_id="acceptInvitation",
        summary="Take the seat you were invited to",
        tags=["account"],
        request=AcceptInput,
        responses=OrganizationOutput,
    )
    def post(self, request: Request) -> Response:
        token: str = _read(AcceptInput, request)["token"]
        user = User.objects.get(pk=acting(request).user_id)
        membership = invitations.accept(user, token)
        return Response(
            OrganizationOutput(Organization.objects.for_user(user.pk).get(pk=membership.organization_id)).data
        )


class ApiKeys(ListAPIView[ApiKey]):
    scope = "account"
    queryset = ApiKey.objects.none()  # for the API document, which is made without a request
    permission_classes = [CanManage]
    serializer_class = ApiKeyOutput

    def get_queryset(self) -> QuerySet[ApiKey]:
        return ApiKey.objects.filter(organization_id=acting(self.request).organization_id, revoked_at__isnull=True)

    @extend_schema(operation_id="listApiKeys", summary="API keys of the organization", tags=["account"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="createApiKey",
        summary="Make an API key; it is shown once",
        tags=["account"],
        request=ApiKeyInput,
        responses={201: NewApiKeyOutput},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> Response:
        actor = acting(request)
        body = _read(ApiKeyInput, request)
        _require_no_wider(actor, body["scopes"])
        body["expires_at"] = api_keys.within_makers_life(actor, body.get("expires_at"))
        secrets: list[str] = []

        def issue() -> UUID:
            issued = api_keys.issue(organization_id=actor.organization_id, user_id=actor.user_id, **body)
            secrets.append(issued.secret)
            return issued.row.pk

        key_id, replayed = _once(request, actor, "api-keys", issue)
        row = _found(ApiKey.objects.all(), key_id)
        answer = NewApiKeyOutput(row, context={"secret": secrets[0] if secrets else None})
        return _created(answer, None, replayed=replayed)


class ApiKeyDetail(APIView):
    scope = "account"
    permission_classes = [CanManage]

    @extend_schema(operation_id="revokeApiKey", summary="Revoke an API key", tags=["account"], responses={204: None})
    def delete(self, request: Request, key_id: UUID) -> Response:
        actor = acting(request)
        api_keys.revoke(key_id, organization_id=actor.organization_id, actor_id=actor.user_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SocketTickets(APIView):
    scope = "jobs:read"

    @extend_schema(
        operation_id="createSocketTicket",
        summary="A one-use pass for a WebSocket, good for 30 seconds",
        tags=["account"],
        request=None,
        responses={201: TicketOutput},
    )
    def post(self, request: Request) -> Response:
        ticket, expires_at = tickets.issue(acting(request))
        answer = TicketOutput({"ticket": ticket, "expiresAt": expires_at}).data
        return Response(answer, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


def _me(principal: Principal) -> Response:
    user = User.objects.get(pk=principal.user_id)
    answer = MeOutput(
        {
            "id": user.pk,
            "email": user.email,
            "name": user.name,
            "createdAt": user.date_joined,
            "organizationId": principal.organization_id,
            "role": principal.role,
            "apiKeyId": principal.api_key_id,
            "scopes": None if principal.scopes is None else sorted(principal.scopes),
        }
    )
    return Response(answer.data)


def _visible_organizations(principal: Principal) -> QuerySet[Organization]:
    mine = Organization.objects.for_user(principal.user_id)
    return mine.filter(pk=principal.organization_id) if principal.api_key_id else mine


def _managing(request: Request, organization_id: UUID) -> Principal:
    """The caller in the organization of the path, where they must be a manager. Raises NotFound or RoleForbids."""
    actor = act_in(acting(request), organization_id)
    if not actor.is_manager:
        raise RoleForbids
    return actor


def _require_no_wider(actor: Principal, scopes: list[str]) -> None:
    """A key with scopes makes none that may do more."""
    if actor.scopes is not None and not (scopes and actor.scopes.issuperset(scopes)):
        raise InsufficientScope


def _read(serializer: type[StrictSerializer], request: Request, *, partial: bool = False) -> dict[str, Any]:
    body = serializer(data=request.data, partial=partial)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def _once(request: Request, actor: Principal, route: str, create: Callable[[], UUID]) -> tuple[UUID, bool]:
    """Run `create` in a transaction unless the request's Idempotency-Key made its row before; True for a replay."""
    key = idempotency.read_key(request)
    if key is None:
        return create(), False
    body = idempotency.body_sha256(request.body)
    if earlier := idempotency.find(actor.organization_id, route, key):
        idempotency.check_same(earlier, body)
        return earlier.resource_id, True
    with transaction.atomic(durable=True):
        resource_id = create()
        idempotency.record(
            organization_id=actor.organization_id,
            route=route,
            key=key,
            body=body,
            status_code=status.HTTP_201_CREATED,
            resource_id=resource_id,
        )
    return resource_id, False


def _found[M: Model](rows: QuerySet[M], pk: UUID) -> M:
    """The row a submission made, which a late replay may find gone. Raises NotFound."""
    row = rows.filter(pk=pk).first()
    if row is None:
        raise NotFound
    return row


def _created(answer: BaseSerializer[Any], location: str | None, *, replayed: bool) -> Response:
    headers = {"Cache-Control": "no-store"}
    if location:
        headers["Location"] = location
    if replayed:
        headers[idempotency.REPLAYED_HEADER] = "true"
    return Response(answer.data, status=status.HTTP_201_CREATED, headers=headers)
