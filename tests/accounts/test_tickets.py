from datetime import timedelta
from hashlib import sha256
from threading import Barrier, Thread

from django.db import connection
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts import api_keys, sessions, tickets
from accounts.models import Membership, SocketTicket
from tests.accounts.clients import csrf, signed_in


def test_ticket_of_a_session_lets_its_user_in_once(owner, organization):
    # given
    browser = signed_in(owner)

    # when
    answer = browser.post("/v1/ws-tickets", headers=csrf(browser))

    # then
    body = answer.json()
    assert answer.status_code == 201
    assert set(body) == {"ticket", "expiresAt"}
    assert answer["Cache-Control"] == "no-store"
    left = parse_datetime(body["expiresAt"]) - timezone.now()
    assert 25 < left.total_seconds() <= 30
    principal = tickets.redeem(body["ticket"])
    assert (principal.user_id, principal.organization_id) == (owner.pk, organization.pk)
    assert (principal.api_key_id, principal.scopes) == (None, None)
    assert tickets.redeem(body["ticket"]) is None


def test_ticket_is_kept_as_a_hash(api, owner):
    # when
    ticket = api.post("/v1/ws-tickets").json()["ticket"]

    # then
    assert len(ticket) == 43
    row = SocketTicket.objects.get(user=owner)
    assert bytes(row.token_sha256) == sha256(ticket.encode()).digest()


def test_late_ticket_lets_nobody_in(api, owner):
    # given
    ticket = api.post("/v1/ws-tickets").json()["ticket"]
    SocketTicket.objects.filter(user=owner).update(expires_at=timezone.now() - timedelta(hours=1))

    # then
    assert tickets.redeem(ticket) is None
    assert not SocketTicket.objects.filter(user=owner).exists()


def test_made_up_ticket_lets_nobody_in(db):
    for ticket in ("", "guess", "\ud800", "x" * 100_000):
        assert tickets.redeem(ticket) is None


def test_ticket_of_a_key_may_what_the_key_may_and_ends_with_it(owner, organization):
    # given
    issued = api_keys.issue(organization_id=organization.pk, user_id=owner.pk, name="reader", scopes=["jobs:read"])
    principal = api_keys.authenticate(issued.secret)
    first, _ = tickets.issue(principal)
    second, _ = tickets.issue(principal)

    # then
    assert tickets.redeem(first) == principal
    api_keys.revoke(issued.row.pk, organization_id=organization.pk, actor_id=owner.pk)
    assert tickets.redeem(second) is None
    assert sessions.current(principal) is None


def test_ticket_of_a_session_ends_with_it(owner):
    # given
    browser = signed_in(owner)
    first, second = (browser.post("/v1/ws-tickets", headers=csrf(browser)).json()["ticket"] for _ in range(2))
    principal = tickets.redeem(first)
    assert sessions.may_go_on(principal, "jobs:read")

    # when
    browser.logout()

    # then
    assert tickets.redeem(second) is None
    assert not sessions.may_go_on(principal, "jobs:read")


def test_ticket_of_somebody_who_left_meanwhile_lets_nobody_in(teammate):
    # given
    ticket, _ = tickets.issue(sessions.principal_for_user(teammate.pk, teammate.organization.pk))

    # when
    Membership.objects.filter(user=teammate).delete()

    # then
    assert tickets.redeem(ticket) is None


def test_of_two_sockets_with_one_ticket_one_gets_in(committed, owner, organization):
    # given
    ticket, _ = tickets.issue(sessions.principal_for_user(owner.pk, organization.pk))
    barrier, told = Barrier(8), []

    def take():
        barrier.wait()
        told.append(tickets.redeem(ticket))
        connection.close()

    # when
    threads = [Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # then
    assert [principal.user_id for principal in told if principal] == [owner.pk]
