"""Many connections at one wallet, and the controls that show what the lock and the guard are for."""

import re
import uuid
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from django.db import connection

from tests.usage.money import at_once, call, end, figures, findings, give, hold, kinds, remaining, settle
from usage import ledger
from usage.models import Grant, Hold, LedgerEntry

SQL = Path(ledger.__file__).parent / "sql"


@pytest.fixture
def careless(committed):
    """A scratch schema with the ledger's tables and both functions, without what makes them safe.

    What goes wrong there goes with the schema: the books of the other tests stay clean.
    """
    look_first = """SELECT w.available - p_credits, w.held + p_credits INTO v_available, v_held FROM usage_wallet w
     WHERE w.organization_id = p_organization AND w.available >= p_credits AND w.debt = 0;
    PERFORM pg_sleep(0.3);
    UPDATE usage_wallet w SET available = v_available, held = v_held WHERE w.organization_id = p_organization"""
    hold_sql = replaced("hold_0001.sql", r"UPDATE usage_wallet w\n.*?INTO v_available, v_held", look_first)
    settle_sql = replaced(
        "settle_0001.sql", r"(PERFORM FROM usage_wallet w.*?) AND h.state = 'open'", r"PERFORM pg_sleep(0.3); \1"
    )
    tables = ("usage_wallet", "usage_grant", "usage_hold", "usage_ledgerentry")
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA careless")
        cursor.execute("SET search_path TO careless, public")
        for table in tables:
            cursor.execute(f"CREATE TABLE careless.{table} (LIKE public.{table} INCLUDING ALL)")
        cursor.execute(hold_sql)
        cursor.execute(settle_sql)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA careless CASCADE")
        cursor.execute("RESET search_path")


def replaced(name, pattern, replacement):
    text, times = re.subn(pattern, replacement, (SQL / name).read_text(), flags=re.DOTALL)
    assert times == 1
    return text


def carelessly(one):
    def run():
        with connection.cursor() as cursor:
            cursor.execute("SET search_path TO careless, public")
        return one()

    return run


def test_of_100_parallel_holds_on_credits_for_50_exactly_50_are_made(committed, organization):
    # given
    grants = [give(organization, 300), give(organization, 200, days=3)]

    # when
    answers = at_once([lambda: hold(organization, 10)] * 100)

    # then
    assert Counter(answer.partition(":")[0] for answer in answers) == {"job": 50, "insufficient_credits": 50}
    assert figures(organization) == (0, 500, 0)
    assert remaining(*grants) == [0, 0]
    assert Hold.objects.filter(wallet=organization.pk).count() == 50
    assert findings(organization) == []


def test_looking_before_acting_would_spend_credits_twice(careless, organization):
    # given
    give(organization, 100)

    # when
    at_once([carelessly(lambda: hold(organization, 100))] * 4)

    # then
    open_holds = sum(Hold.objects.filter(wallet=organization.pk).values_list("credits", flat=True))
    assert open_holds == 100
    assert figures(organization) != (0, 100, 0)


@pytest.mark.parametrize("turn", range(5))
def test_settle_release_and_expiry_raced_close_a_hold_once(committed, organization, staff, turn):
    # given
    grant = give(organization, 100, days=1)
    reference = hold(organization, 60)
    end(grant)

    # when
    answers = at_once(
        [
            *[lambda: settle(reference, 25)] * 8,
            *[lambda: settle(reference, 0)] * 8,
            *[lambda: ledger.release_hold(reference, actor_id=staff.pk, reason="race")] * 4,
            *[lambda: ledger.expire(organization.pk)] * 4,
        ]
    )

    # then
    closings = [answer for answer in answers[:16] if answer is not None] + [True for answer in answers[16:20] if answer]
    assert len(closings) == 1
    assert sum(answers[20:]) == 40
    assert figures(organization) == (0, 0, 0)
    captured = Hold.objects.get(reference=reference).captured
    assert kinds(organization).count("capture") == (1 if captured else 0)
    held = LedgerEntry.objects.filter(wallet=organization.pk).exclude(held=0).values_list("held", flat=True)
    assert sorted(held) == sorted([60, *([-25, -35] if captured else [-60])])
    assert findings(organization) == []


def test_without_the_guard_a_hold_would_be_closed_twice(careless, organization):
    # given
    give(organization, 1_000)
    reference, _ = hold(organization, 100), hold(organization, 900)

    # when
    answers = at_once([carelessly(partial(settle, reference, capture)) for capture in (100, 0)])

    # then
    assert None not in answers
    assert figures(organization)[1] == 800


def test_a_fact_granted_by_many_at_once_is_granted_once(committed, organization):
    # given
    reference = f"payment:{uuid.uuid4()}"

    # when
    grants = at_once([lambda: give(organization, 100, reference=reference)] * 20)

    # then
    assert len({grant.pk for grant in grants}) == 1
    assert figures(organization) == (100, 0, 0)
    assert kinds(organization) == ["grant"]


def test_an_adjustment_clicked_twenty_times_at_once_is_made_once(committed, organization, staff):
    # given
    reference = f"click:{uuid.uuid4()}"

    # when
    at_once(
        [lambda: ledger.adjust(organization.pk, credits=7, reference=reference, actor_id=staff.pk, reason="sorry")] * 20
    )

    # then
    assert figures(organization) == (7, 0, 0)


def test_32_threads_of_everything_leave_no_error_and_clean_books(committed, organization, staff):
    # given
    give(organization, 2_000)
    give(organization, 500, days=1)

    def work(number):
        def run():
            for turn in range(8):
                reference = hold(organization, 5 + number)
                give(organization, 20 + turn, days=1 if turn % 2 else None, kind=Grant.Kind.PROMO)
                if reference.startswith("job:"):
                    settle(reference, number % (6 + number))
                if turn % 4 == 0:
                    end(Grant.objects.filter(wallet=organization.pk).order_by("?")[0])
                    call("usage_expire", organization.pk)
            return "done"

        return run

    # when
    answers = at_once([work(number) for number in range(32)])

    # then
    assert answers == ["done"] * 32
    assert figures(organization)[1:] == (0, 0)
    assert findings(organization) == []
