import pytest
from django.db import IntegrityError, transaction

from accounts import organizations, sessions
from accounts.models import AuditEntry, Membership, Role, User
from tests.accounts.clients import signed_in
from tests.factories import MembershipFactory, OrganizationFactory, UserFactory


def test_user_made_for_a_seed_has_a_personal_organization_and_a_verified_address(db):
    # when
    user, organization = organizations.create_user_with_organization("Ada@Example.com", "correct horse", name="Ada")

    # then
    assert user.email == "ada@example.com"
    assert (organization.name, organization.is_personal) == ("Ada", True)
    assert Membership.objects.get(user=user).role == Role.OWNER
    assert user.emailaddress_set.get().verified
    assert organizations.open_personal_organization(user) == organization


def test_two_spellings_of_an_address_are_one(db):
    user, _ = organizations.create_user_with_organization("ada@example.com", None)

    assert User.objects.get_by_natural_key("ADA@example.com") == user


def test_created_organization_is_owned_by_its_creator(owner):
    # given
    browser = signed_in(owner)
    headers = {"X-CSRFToken": browser.cookies["csrftoken"].value, "Idempotency-Key": "new-team"}

    # when
    answer = browser.post("/v1/organizations", {"name": "Team"}, format="json", headers=headers)
    again = browser.post("/v1/organizations", {"name": "Team"}, format="json", headers=headers)

    # then
    body = answer.json()
    assert answer.status_code == 201
    assert (body["name"], body["isPersonal"], body["role"]) == ("Team", False, "owner")
    assert answer["Location"] == f"/v1/organizations/{body['id']}"
    assert again.json() == body
    assert Membership.objects.filter(user=owner, organization__name="Team").count() == 1
    listed = [row["id"] for row in browser.get("/v1/organizations").json()["data"]]
    assert listed == [body["id"], str(owner.organization.pk)]


def test_key_sees_its_own_organization_alone(owner, api):
    # given
    other = MembershipFactory(user=owner, role=Role.OWNER).organization

    # then
    assert [row["id"] for row in api.get("/v1/organizations").json()["data"]] == [str(owner.organization.pk)]
    assert api.get(f"/v1/organizations/{other.pk}").status_code == 404


def test_closed_organization_is_gone(owner):
    # given
    browser = signed_in(owner)
    other = MembershipFactory(user=owner, organization=OrganizationFactory(closed_at="2026-01-01T00:00Z"))

    # then
    assert browser.get(f"/v1/organizations/{other.organization_id}").status_code == 404
    assert str(other.organization_id) not in browser.get("/v1/organizations").content.decode()


def test_renaming_leaves_a_trace(api, owner, organization):
    # when
    answer = api.patch(f"/v1/organizations/{organization.pk}", {"name": "Études 🎨"}, format="json")

    # then
    assert answer.json()["name"] == "Études 🎨"
    assert AuditEntry.objects.get(organization=organization, action="organization.renamed").facts == {
        "name": "Études 🎨"
    }


@pytest.mark.parametrize(
    "body",
    [{"name": ""}, {"name": "   "}, {"name": "x" * 121}, {"name": "a\r\nBcc: all@example.com"}, {"name": None},
     {"name": ["x"]}, {"name": "x", "isPersonal": True}, {"name": "x", "role": "owner"}, {"name": "x", "credits": 5}],
)  # fmt: skip
def test_odd_names_and_foreign_fields_are_refused(api, organization, body):
    before = organization.name

    assert api.patch(f"/v1/organizations/{organization.pk}", body, format="json").status_code == 422

    organization.refresh_from_db()
    assert organization.name == before


def test_empty_changes_change_nothing(api, owner, organization):
    # given
    member_id = Membership.objects.get(user=owner).pk
    paths = [
        "/v1/me",
        f"/v1/organizations/{organization.pk}",
        f"/v1/organizations/{organization.pk}/members/{member_id}",
    ]

    # then
    for path in paths:
        assert api.patch(path, {}, format="json").status_code == 200
    assert AuditEntry.objects.filter(organization=organization).exclude(action="api_key.issued").count() == 0


def test_owned_organizations_are_bounded(api, owner, monkeypatch):
    monkeypatch.setattr(organizations, "MAX_OWNED", 1)

    answer = api.post("/v1/organizations", {"name": "Second"}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_organizations")


@pytest.mark.parametrize(
    "body",
    [{"email": "x@y.z"}, {"isStaff": True}, {"role": "owner"}, {"name": "a\0b"}, {"name": "a\nb"}, {"id": "x"}],
)
def test_me_takes_a_name_and_nothing_else(api, owner, body):
    answer = api.patch("/v1/me", body, format="json")

    assert answer.status_code in {400, 422}
    assert User.objects.filter(pk=owner.pk, name="Ada", email=owner.email, is_staff=False).exists()


def test_me_tells_who_acts_where(api, owner, organization):
    # when
    api.patch("/v1/me", {"name": "Grace"}, format="json")

    # then
    body = api.get("/v1/me").json()
    assert body == {
        "id": str(owner.pk),
        "email": owner.email,
        "name": "Grace",
        "createdAt": body["createdAt"],
        "organizationId": str(organization.pk),
        "role": "owner",
        "apiKeyId": str(owner.api_keys.get().pk),
        "scopes": None,
    }
    assert body["createdAt"].endswith("Z")
    assert len(body["createdAt"]) == len("2026-11-22T14:32:01.123Z")


def test_default_organization_is_the_users_own(db):
    # given
    user = UserFactory()
    MembershipFactory(user=user, role=Role.OWNER)
    own = organizations.open_personal_organization(user)
    MembershipFactory(user=user, organization=OrganizationFactory(is_personal=True), role=Role.ADMIN)

    # then
    assert sessions.principal_for_user(user.pk, None).organization_id == own.pk


def test_membership_is_read_in_one_query(owner, organization, django_assert_num_queries):
    with django_assert_num_queries(1):
        principal = sessions.principal_for_user(owner.pk, organization.pk)
    with django_assert_num_queries(1):
        assert sessions.current(principal) == principal


def test_audit_entries_stay_as_they_are(db):
    entry = AuditEntry.objects.create(action="test.done")

    for change in (lambda: AuditEntry.objects.update(action="x"), entry.delete):
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            change()
