from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.utils import timezone

from accounts import invitations
from accounts.exceptions import InvitationNotFound
from accounts.models import AuditEntry, Invitation, Membership, Role
from tests.accounts.clients import link_key
from tests.factories import UserFactory
from tests.fixtures import member


@pytest.fixture
def invite(api, organization, mailoutbox, django_capture_on_commit_callbacks):
    """Sends an invitation over HTTP and returns the token of its mail."""

    def send(email, **body):
        with django_capture_on_commit_callbacks(execute=True):
            answer = api.post(
                f"/v1/organizations/{organization.pk}/invitations", {"email": email, **body}, format="json"
            )
        assert answer.status_code == 201, answer.content
        return link_key(mailoutbox[-1].body)

    return send


def accept(user, token):
    return user.api.post("/v1/invitations/accept", {"token": token}, format="json")


def test_invitation_goes_out_by_mail_and_gives_a_seat_once(invite, outsider, organization, mailoutbox):
    # given
    token = invite(outsider.email.upper(), role="admin")

    # when
    answer = accept(outsider, token)
    again = accept(outsider, token)

    # then
    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["role"]) == (str(organization.pk), "admin")
    assert Membership.objects.get(organization=organization, user=outsider).role == Role.ADMIN
    assert (again.status_code, again.json()["code"]) == (404, "invitation_not_found")
    [mail] = mailoutbox
    assert mail.to == [outsider.email]
    assert organization.name in mail.subject
    assert token in mail.alternatives[0].content
    actions = AuditEntry.objects.filter(organization=organization).order_by("pk").values_list("action", flat=True)
    assert [action for action in actions if not action.startswith("api_key")] == ["invitation.sent", "member.joined"]


def test_token_is_kept_as_a_hash_and_never_answered(invite, api, organization):
    # when
    token = invite("ada@example.com")

    # then
    listed = api.get(f"/v1/organizations/{organization.pk}/invitations")
    assert [row["email"] for row in listed.json()["data"]] == ["ada@example.com"]
    assert token not in listed.content.decode()
    assert len(Invitation.objects.get(organization=organization).token_sha256) == 32
    entries = AuditEntry.objects.filter(organization=organization).values_list("facts", flat=True)
    assert token not in str(list(entries))


def test_invitation_is_for_its_address_alone(invite, outsider, organization):
    # given
    token = invite("somebody.else@example.com")

    # when
    answer = accept(outsider, token)

    # then
    assert (answer.status_code, answer.json()["code"]) == (404, "invitation_not_found")
    assert not Membership.objects.filter(organization=organization, user=outsider).exists()


@pytest.mark.parametrize("end", ["late", "withdrawn", "replaced", "closed"])
def test_ended_invitation_gives_nothing(invite, api, outsider, organization, end):
    # given
    token = invite(outsider.email)
    row = Invitation.objects.get(organization=organization)
    assert timedelta(days=6, hours=23) < row.expires_at - timezone.now() <= timedelta(days=7)

    # when
    match end:
        case "late":
            Invitation.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(hours=1))
        case "withdrawn":
            api.delete(f"/v1/organizations/{organization.pk}/invitations/{row.pk}")
        case "replaced":
            invite(outsider.email)
        case "closed":
            type(organization).objects.filter(pk=organization.pk).update(closed_at=timezone.now())

    # then
    assert accept(outsider, token).status_code == 404
    assert not Membership.objects.filter(organization=organization, user=outsider).exists()


def test_member_is_not_invited_again(api, teammate, organization):
    answer = api.post(
        f"/v1/organizations/{organization.pk}/invitations", {"email": teammate.email.title()}, format="json"
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "already_member")


def test_seat_taken_meanwhile_keeps_its_role(invite, outsider, organization):
    # given
    token = invite(outsider.email, role="admin")
    Membership.objects.create(organization=organization, user=outsider, role=Role.BILLING)

    # when
    answer = accept(outsider, token)

    # then
    assert answer.json()["role"] == "billing"


def test_admin_offers_no_owners_seat(organization):
    # given
    admin = member(organization, Role.ADMIN)

    # when
    answer = admin.api.post(
        f"/v1/organizations/{organization.pk}/invitations", {"email": "a@b.co", "role": "owner"}, format="json"
    )

    # then
    assert (answer.status_code, answer.json()["code"]) == (403, "role_forbids")
    assert not Invitation.objects.filter(organization=organization).exists()


def test_invitations_of_a_day_are_bounded_and_withdrawing_does_not_help(invite, api, organization, monkeypatch):
    # given
    monkeypatch.setattr(invitations, "MAX_PER_DAY", 1)
    invite("a@example.com")
    row = Invitation.objects.get(organization=organization)
    api.delete(f"/v1/organizations/{organization.pk}/invitations/{row.pk}")

    # when
    answer = api.post(f"/v1/organizations/{organization.pk}/invitations", {"email": "b@example.com"}, format="json")

    # then
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_invitations")
    assert answer["Retry-After"] == "86400"


def test_repeated_invitation_sends_one_mail(api, organization, mailoutbox, django_capture_on_commit_callbacks):
    # given
    path, headers = f"/v1/organizations/{organization.pk}/invitations", {"Idempotency-Key": "one"}

    # when
    with django_capture_on_commit_callbacks(execute=True):
        first = api.post(path, {"email": "a@b.co"}, format="json", headers=headers)
        again = api.post(path, {"email": "a@b.co"}, format="json", headers=headers)

    # then
    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    assert len(mailoutbox) == 1


@pytest.mark.parametrize(
    "body", [{}, {"email": "no"}, {"email": "a@b.co", "role": "root"}, {"email": "a@b.co", "x": 1}]
)
def test_odd_invitations_are_refused(api, organization, body):
    assert api.post(f"/v1/organizations/{organization.pk}/invitations", body, format="json").status_code == 422


def test_of_two_who_take_one_seat_at_once_one_gets_it(committed, organization, owner):
    # given
    user = UserFactory()
    token = "a-token-for-the-race" + user.pk.hex
    Invitation.objects.create(
        organization=organization,
        email=user.email,
        role=Role.MEMBER,
        token_sha256=invitations._hash(token),
        expires_at=timezone.now() + timedelta(days=1),
    )
    barrier, told = Barrier(4), []

    def take():
        barrier.wait()
        try:
            invitations.accept(user, token)
            told.append("in")
        except InvitationNotFound:
            told.append("refused")
        finally:
            connection.close()

    # when
    threads = [Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # then
    assert sorted(told) == ["in", "refused", "refused", "refused"]
    assert Membership.objects.filter(organization=organization, user=user).count() == 1
