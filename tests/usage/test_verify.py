"""The proof finds every way in which rows could be made to disagree."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.usage.money import end, findings, give, hold, settle
from usage import ledger


@pytest.fixture
def books(organization):
    """An organization with a bit of everything: (grant, open hold, closed hold)."""
    give(organization, 50, days=2)
    grant = give(organization, 500)
    end(give(organization, 5, days=1))
    opened, closed = hold(organization, 100), hold(organization, 100)
    settle(closed, 60)
    ledger.expire_grants()
    assert findings(organization) == []
    return grant, opened, closed


def tamper(*statements):
    """As somebody with the database's own rights could: constraints and triggers out of the way."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("usage_ledgerentry", "usage_hold", "usage_grant", "usage_wallet"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(
                "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('c', 'u')", [table]
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        for statement in statements:
            cursor.execute(statement)
            assert cursor.rowcount > 0


TAMPERINGS = {
    "wallet has more": "UPDATE usage_wallet SET available = available + 1 WHERE organization_id = '{wallet}'",
    "wallet holds less": "UPDATE usage_wallet SET held = held - 1 WHERE organization_id = '{wallet}'",
    "wallet owes": "UPDATE usage_wallet SET debt = 1 WHERE organization_id = '{wallet}'",
    "wallet is negative": "UPDATE usage_wallet SET available = -1 WHERE organization_id = '{wallet}'",
    "grant has more": "UPDATE usage_grant SET remaining = remaining + 1 WHERE id = '{grant}'",
    "grant was larger": "UPDATE usage_grant SET credits = credits + 1 WHERE id = '{grant}'",
    "grant is gone": "DELETE FROM usage_grant WHERE id = '{grant}'",
    "hold is smaller": "UPDATE usage_hold SET credits = credits - 1 WHERE reference = '{opened}'",
    "hold has other lots": "UPDATE usage_hold SET lots = '{{\"{grant}\": 100}}' WHERE reference = '{opened}'",
    "hold was closed aside": (
        "UPDATE usage_hold SET state = 'captured', captured = credits, closed_at = now() WHERE reference = '{opened}'"
    ),
    "hold was opened again": (
        "UPDATE usage_hold SET state = 'open', captured = 0, closed_at = NULL WHERE reference = '{closed}'"
    ),
    "hold captured more": "UPDATE usage_hold SET captured = captured + 1 WHERE reference = '{closed}'",
    "hold is gone": "DELETE FROM usage_hold WHERE reference = '{closed}'",
    "hold is there twice": (
        "INSERT INTO usage_hold (wallet_id, reference, credits, captured, lots, state, closed_at)"
        " SELECT wallet_id, reference, credits, captured, lots, state, closed_at FROM usage_hold"
        " WHERE reference = '{closed}'"
    ),
    "entry says less": "UPDATE usage_ledgerentry SET outside = outside - 1 WHERE reference = 'capture:{closed}'",
    "entry left another balance": (
        "UPDATE usage_ledgerentry SET available_after = available_after + 1 WHERE reference = 'capture:{closed}'"
    ),
    "entry left a negative balance": (
        "UPDATE usage_ledgerentry SET debt_after = -1 WHERE reference = 'capture:{closed}'"
    ),
    "entry has other lots": "UPDATE usage_ledgerentry SET lots = '{{}}' WHERE reference = 'capture:{closed}'",
    "entry is gone": "DELETE FROM usage_ledgerentry WHERE reference = 'release:{closed}'",
    "first entry is gone": (
        "DELETE FROM usage_ledgerentry WHERE id = (SELECT min(id) FROM usage_ledgerentry WHERE wallet_id = '{wallet}')"
    ),
    "entry is there twice": (
        "INSERT INTO usage_ledgerentry (wallet_id, kind, reference, available, held, debt, outside, available_after,"
        " held_after, debt_after, lots, reason) SELECT wallet_id, kind, reference, available, held, debt, outside,"
        " available_after, held_after, debt_after, lots, reason FROM usage_ledgerentry"
        " WHERE reference = 'capture:{closed}'"
    ),
    "entries changed places": (
        "UPDATE usage_ledgerentry SET id = -id WHERE reference IN ('capture:{closed}', 'release:{closed}')"
    ),
}


@pytest.mark.parametrize("statement", TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_what_was_tampered_with_is_found(books, organization, statement):
    # given
    grant, opened, closed = books
    names = {"wallet": organization.pk, "grant": grant.pk, "opened": opened, "closed": closed}

    # when
    tamper(statement.format(**names))

    # then
    proof = ledger.verify()
    assert not proof.ok
    assert proof.errors


def test_credits_slipped_from_one_wallet_to_another_are_found(books, organization, outsider):
    # given
    other = outsider.organization
    give(other, 100)

    # when
    tamper(
        f"UPDATE usage_wallet SET available = available - 10 WHERE organization_id = '{organization.pk}'",
        f"UPDATE usage_wallet SET available = available + 10 WHERE organization_id = '{other.pk}'",
    )

    # then
    assert findings(organization)
    assert findings(other)


def test_a_grant_and_its_wallet_raised_together_are_found(books, organization):
    # when
    tamper(
        f"UPDATE usage_wallet SET available = available + 10 WHERE organization_id = '{organization.pk}'",
        f"UPDATE usage_grant SET credits = credits + 10, remaining = remaining + 10 WHERE id = '{books[0].pk}'",
    )

    # then
    assert findings(organization)


def test_the_command_says_that_the_books_are_clean(books):
    # given
    out = StringIO()

    # when
    call_command("verify_ledger", "--json", stdout=out)

    # then
    answer = json.loads(out.getvalue())
    assert (answer["ok"], answer["errors"]) == (True, [])
    assert answer["checked"] >= 8


def test_the_command_fails_with_what_it_found(books, organization):
    # given
    tamper(f"UPDATE usage_wallet SET held = held + 1 WHERE organization_id = '{organization.pk}'")
    out = StringIO()

    # when
    with pytest.raises(CommandError) as failed:
        call_command("verify_ledger", "--json", stdout=out)

    # then
    assert failed.value.returncode == 1
    answer = json.loads(out.getvalue())
    assert answer["ok"] is False
    assert any(str(organization.pk) in error for error in answer["errors"])
