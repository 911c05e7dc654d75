from django.test import Client

from accounts.invitations import _hash
from accounts.models import Invitation, Membership
from tests.factories import InvitationFactory, UserFactory

PATH = "/account/invitation/the-token"


def test_stranger_is_sent_to_sign_in_and_back(client, db):
    # given
    InvitationFactory(token_sha256=_hash("the-token"))

    # when
    known, unknown = client.get(PATH), client.get("/account/invitation/unknown")

    # then
    assert known.status_code == unknown.status_code == 200
    assert "/account/sign-in?next=%2Faccount%2Finvitation%2Fthe-token" in known.content.decode()
    assert client.post(PATH).status_code == 200
    assert not Invitation.objects.filter(accepted_at__isnull=False).exists()


def test_opening_the_link_asks_and_the_button_takes_the_seat(db):
    # given
    user = UserFactory()
    row = InvitationFactory(token_sha256=_hash("the-token"), email=user.email)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)

    # when
    page = client.get(PATH)
    without = client.post(PATH)
    taken = client.post(PATH, {"csrfmiddlewaretoken": page.context["csrf_token"]})

    # then
    assert user.email in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert without.status_code == 403
    assert (taken.status_code, taken["Location"]) == (302, "/")
    assert Membership.objects.filter(user=user, organization=row.organization).exists()


def test_somebody_elses_invitation_is_refused_in_words(client, db):
    # given
    InvitationFactory(token_sha256=_hash("the-token"))
    client.force_login(UserFactory())

    # when
    answer = client.post(PATH)

    # then
    assert answer.status_code == 404
    assert "There is no such invitation for you" in answer.content.decode()
