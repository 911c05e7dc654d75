"""Who may do what: every route of accounts, asked by everybody."""

import json

import pytest

from accounts.models import ApiKey, Invitation, Membership, Role
from accounts.urls import urlpatterns
from tests.factories import ApiKeyFactory, InvitationFactory, MembershipFactory
from tests.fixtures import member

ROLES = ["owner", "admin", "teammate", "billing", "outsider", "anonymous"]

# method and path, body, then the status for each of ROLES
MATRIX = [
    ("GET /v1/me", None, [200, 200, 200, 200, 200, 401]),
    ("PATCH /v1/me", {"name": "Grace"}, [200, 200, 200, 200, 200, 401]),
    ("GET /v1/organizations", None, [200, 200, 200, 200, 200, 401]),
    ("POST /v1/organizations", {"name": "New"}, [201, 201, 201, 201, 201, 401]),
    ("GET /v1/organizations/{organization}", None, [200, 200, 200, 200, 404, 401]),
    ("PATCH /v1/organizations/{organization}", {"name": "Renamed"}, [200, 200, 403, 403, 404, 401]),
    ("GET /v1/organizations/{organization}/members", None, [200, 200, 200, 200, 404, 401]),
    ("PATCH /v1/organizations/{organization}/members/{member}", {"role": "billing"}, [200, 200, 403, 403, 404, 401]),
    ("DELETE /v1/organizations/{organization}/members/{member}", None, [204, 204, 403, 403, 404, 401]),
    ("GET /v1/organizations/{organization}/invitations", None, [200, 200, 403, 403, 404, 401]),
    ("POST /v1/organizations/{organization}/invitations", {"email": "a@b.co"}, [201, 201, 403, 403, 404, 401]),
    ("DELETE /v1/organizations/{organization}/invitations/{invitation}", None, [204, 204, 403, 403, 404, 401]),
    ("POST /v1/invitations/accept", {"token": "guess"}, [404, 404, 404, 404, 404, 401]),
    ("GET /v1/api-keys", None, [200, 200, 403, 403, 200, 401]),
    ("POST /v1/api-keys", {"name": "new"}, [201, 201, 403, 403, 201, 401]),
    ("DELETE /v1/api-keys/{key}", None, [204, 204, 403, 403, 404, 401]),
    ("POST /v1/ws-tickets", None, [201, 201, 201, 403, 201, 401]),
]


@pytest.fixture
def callers(owner, teammate, outsider, anonymous, organization):
    """A client for each of ROLES."""
    return {
        "owner": owner.api,
        "admin": member(organization, Role.ADMIN).api,
        "teammate": teammate.api,
        "billing": member(organization, Role.BILLING).api,
        "outsider": outsider.api,
        "anonymous": anonymous,
    }


@pytest.fixture
def ids(organization):
    return {
        "organization": organization.pk,
        "member": MembershipFactory(organization=organization).pk,
        "invitation": InvitationFactory(organization=organization).pk,
        "key": ApiKeyFactory(organization=organization).pk,
    }


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("route", "body", "statuses"), MATRIX, ids=[route for route, _, _ in MATRIX])
def test_route_answers_by_role(callers, ids, route, body, statuses, role):
    # given
    method, path = route.split()
    before = _rows()

    # when
    answer = callers[role].generic(
        method, path.format(**ids), b"" if body is None else json.dumps(body).encode(), "application/json"
    )

    # then
    assert answer.status_code == statuses[ROLES.index(role)], answer.content
    if answer.status_code >= 400:
        assert answer["Content-Type"] == "application/problem+json"
        assert _rows() == before


@pytest.mark.parametrize("kind", ["organization", "member", "invitation", "key"])
def test_foreign_ids_cannot_be_told_from_absent_ones(outsider, ids, kind):
    # given
    paths = {
        "organization": "/v1/organizations/{}",
        "member": f"/v1/organizations/{outsider.organization.pk}/members/{{}}",
        "invitation": f"/v1/organizations/{outsider.organization.pk}/invitations/{{}}",
        "key": "/v1/api-keys/{}",
    }
    call = outsider.api.get if kind == "organization" else outsider.api.delete

    # when
    foreign = call(paths[kind].format(ids[kind]))
    absent = call(paths[kind].format("018f0000-0000-7000-8000-000000000000"))

    # then
    assert foreign.status_code == absent.status_code == 404
    assert _without_id(foreign) == _without_id(absent)


def test_matrix_names_every_route_and_method():
    named = {(method, path.split("/v1/")[1]) for method, path in (route.split() for route, _, _ in MATRIX)}
    existing = {
        (method.upper(), _template(str(pattern.pattern)))
        for pattern in urlpatterns
        for method in ("get", "post", "put", "patch", "delete")
        if hasattr(pattern.callback.cls, method)
    }

    assert named == existing


def _template(pattern):
    names = {
        "organization_id": "{organization}",
        "member_id": "{member}",
        "invitation_id": "{invitation}",
        "key_id": "{key}",
    }
    for name, text in names.items():
        pattern = pattern.replace(f"<uuid:{name}>", text)
    return pattern


def _rows():
    return (
        list(Membership.objects.order_by("pk").values_list("pk", "role")),
        list(Invitation.objects.order_by("pk").values_list("pk", "expires_at")),
        list(ApiKey.objects.order_by("pk").values_list("pk", "revoked_at")),
    )


def _without_id(answer):
    return {name: value for name, value in answer.json().items() if name != "requestId"}
