from threading import Barrier, Thread

import pytest
from django.db import connection

from accounts import api_keys, members
from accounts.exceptions import LastOwner
from accounts.models import ApiKey, AuditEntry, Invitation, Membership, Role
from accounts.sessions import principal_for_user
from tests.factories import InvitationFactory
from tests.fixtures import member


def membership(user):
    return Membership.objects.get(user=user, organization=user.organization)


def path(user):
    return f"/v1/organizations/{user.organization.pk}/members/{membership(user).pk}"


def test_members_are_listed_with_their_roles(api, owner, teammate, organization):
    # when
    answer = api.get(f"/v1/organizations/{organization.pk}/members").json()

    # then
    assert [(row["userId"], row["email"], row["role"]) for row in answer["data"]] == [
        (str(teammate.pk), teammate.email, "member"),
        (str(owner.pk), owner.email, "owner"),
    ]
    assert answer["next"] is None


def test_changed_role_acts_on_the_next_request_and_leaves_a_trace(api, owner, teammate):
    # given
    assert teammate.api.get("/v1/api-keys").status_code == 403

    # when
    answer = api.patch(path(teammate), {"role": "admin"}, format="json")

    # then
    assert (answer.status_code, answer.json()["role"]) == (200, "admin")
    assert teammate.api.get("/v1/api-keys").status_code == 200
    entry = AuditEntry.objects.get(organization=owner.organization, action="member.role_changed")
    assert entry.actor_id == owner.pk
    assert entry.facts == {"userId": str(teammate.pk), "before": "member", "after": "admin"}


def test_removed_member_is_out_with_their_keys_and_offers(api, organization):
    # given
    admin = member(organization, Role.ADMIN)
    offer = InvitationFactory(organization=organization, invited_by=admin)

    # when
    answer = api.delete(path(admin))

    # then
    assert answer.status_code == 204
    assert admin.api.get("/v1/me").status_code == 401
    assert ApiKey.objects.filter(user=admin, revoked_at__isnull=True).count() == 0
    assert not Invitation.objects.pending().filter(pk=offer.pk).exists()
    # Coming back does not bring the old keys back.
    Membership.objects.create(organization=organization, user=admin, role=Role.ADMIN)
    assert api_keys.authenticate(admin.secret) is None


def test_demoted_manager_takes_their_offers_along(api, organization):
    # given
    admin = member(organization, Role.ADMIN)
    offer = InvitationFactory(organization=organization, invited_by=admin)

    # when
    api.patch(path(admin), {"role": "member"}, format="json")

    # then
    assert not Invitation.objects.pending().filter(pk=offer.pk).exists()


def test_anybody_may_leave(teammate):
    assert teammate.api.delete(path(teammate)).status_code == 204
    assert AuditEntry.objects.get(organization=teammate.organization, action="member.left").actor_id == teammate.pk


@pytest.mark.parametrize("role", ["admin", "member", "billing"])
def test_last_owner_cannot_be_demoted(api, owner, role):
    answer = api.patch(path(owner), {"role": role}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
    assert membership(owner).role == Role.OWNER


def test_last_owner_cannot_leave(api, owner):
    answer = api.delete(path(owner))

    assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
    assert membership(owner).role == Role.OWNER


def test_owner_who_is_switched_off_does_not_count(api, owner, organization):
    # given
    second = member(organization, Role.OWNER)
    type(second).objects.filter(pk=second.pk).update(is_active=False)

    # then
    assert api.delete(path(owner)).status_code == 409


@pytest.mark.parametrize("role", ["owner", "member"])
def test_admin_neither_makes_nor_unmakes_owners(organization, owner, teammate, role):
    # given
    admin = member(organization, Role.ADMIN)
    target = teammate if role == "owner" else owner

    # when
    answer = admin.api.patch(path(target), {"role": role}, format="json")

    # then
    assert (answer.status_code, answer.json()["code"]) == (403, "role_forbids")
    assert admin.api.delete(path(owner)).status_code == 403
    assert membership(owner).role == Role.OWNER


@pytest.mark.parametrize(
    "body", [{"role": None}, {"role": "root"}, {"role": "admin", "isStaff": True}, {"role": ["owner"]}]
)
def test_odd_roles_are_refused(api, teammate, body):
    assert api.patch(path(teammate), body, format="json").status_code == 422
    assert membership(teammate).role == Role.MEMBER


def leave_at_once(owners):
    """Both owners leave in connections of their own; what each was told."""
    barrier, told = Barrier(2), []

    def leave(user):
        actor = principal_for_user(user.pk, user.organization.pk)
        barrier.wait()
        try:
            members.remove(actor, membership(user).pk)
            told.append("left")
        except LastOwner:
            told.append("refused")
        finally:
            connection.close()

    threads = [Thread(target=leave, args=[user]) for user in owners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(told)


def test_of_two_owners_leaving_at_once_one_stays(committed, organization, owner):
    # given
    second = member(organization, Role.OWNER)

    # when
    told = leave_at_once([owner, second])

    # then
    assert told == ["left", "refused"]
    assert Membership.objects.filter(organization=organization, role=Role.OWNER).count() == 1


def test_without_the_lock_both_owners_would_be_gone(committed, organization, owner, monkeypatch):
    # given
    second = member(organization, Role.OWNER)
    checked = Barrier(2)
    require_other_owner = members._require_other_owner

    def check_then_wait(row):
        require_other_owner(row)
        checked.wait(timeout=5)

    monkeypatch.setattr(members, "_lock", lambda organization_id: None)
    monkeypatch.setattr(members, "_require_other_owner", check_then_wait)

    # when
    told = leave_at_once([owner, second])

    # then
    assert told == ["left", "left"]
