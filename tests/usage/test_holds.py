"""usage_hold and usage_settle, as the transactions of generation call them."""

import uuid

import pytest
from django.db import DataError, IntegrityError, transaction

from tests.usage.money import call, end, figures, findings, give, hold, kinds, remaining, settle
from usage import ledger
from usage.models import Grant, Hold, LedgerEntry, UsageRecord


def test_a_hold_moves_credits_aside_with_its_lots(organization):
    # given
    grant = give(organization, 100)

    # when
    reference = hold(organization, 40)

    # then
    assert figures(organization) == (60, 40, 0)
    row = Hold.objects.get(reference=reference)
    assert (row.credits, row.captured, row.state, row.lots) == (40, 0, "open", {str(grant.pk): 40})
    entry = LedgerEntry.objects.get(reference=f"hold:{reference}")
    assert (entry.available, entry.held, entry.outside) == (-40, 40, 0)
    assert (entry.available_after, entry.held_after, entry.debt_after) == (60, 40, 0)


def test_a_hold_draws_from_the_soonest_end_on(organization):
    # given
    never, later, soon = give(organization, 10), give(organization, 10, days=9), give(organization, 10, days=2)

    # when
    reference = hold(organization, 25)

    # then
    assert remaining(never, later, soon) == [5, 0, 0]
    assert Hold.objects.get(reference=reference).lots == {str(soon.pk): 10, str(later.pk): 10, str(never.pk): 5}


def test_one_credit_too_many_is_refused_and_changes_nothing(organization):
    # given
    give(organization, 100)

    # when
    refusal = hold(organization, 101)

    # then
    assert refusal == "insufficient_credits"
    assert figures(organization) == (100, 0, 0)
    assert kinds(organization) == ["grant"]


def test_without_a_wallet_nothing_is_held(organization):
    assert hold(organization, 1) == "no_wallet"


def test_ended_credits_are_not_held_though_no_sweep_came(organization):
    # given
    fresh, stale = give(organization, 30, days=5), give(organization, 20, days=1)
    end(stale)

    # when
    refused, held = hold(organization, 31), hold(organization, 30)

    # then
    assert refused == "insufficient_credits"
    assert held.startswith("job:")
    assert figures(organization) == (0, 30, 0)
    assert remaining(fresh, stale) == [0, 0]
    assert findings(organization) == []


@pytest.mark.parametrize("credits", [0, -5])
def test_a_hold_of_nothing_is_an_error(organization, credits):
    # given
    give(organization, 10)

    # when
    with pytest.raises(IntegrityError), transaction.atomic():
        hold(organization, credits)

    # then
    assert figures(organization) == (10, 0, 0)


def test_a_reference_is_held_once(organization):
    # given
    give(organization, 10)
    reference = hold(organization, 1)

    # when
    with pytest.raises(IntegrityError), transaction.atomic():
        hold(organization, 1, reference=reference)

    # then
    assert figures(organization) == (9, 1, 0)


@pytest.mark.parametrize(
    ("capture", "captured", "state", "entries"),
    [
        (40, 40, "captured", ["capture"]),
        (20, 20, "captured", ["capture", "release"]),
        (0, 0, "released", ["release"]),
        (99, 40, "captured", ["capture"]),
    ],
    ids=["all of 4", "2 of 4", "failed", "provider reports more"],
)
def test_a_hold_pays_for_what_was_delivered(organization, capture, captured, state, entries):
    # given
    grant = give(organization, 100)
    reference = hold(organization, 40)

    # when
    answer = settle(reference, capture)

    # then
    assert answer == captured
    assert figures(organization) == (100 - captured, 0, 0)
    assert remaining(grant) == [100 - captured]
    row = Hold.objects.get(reference=reference)
    assert (row.state, row.captured) == (state, captured)
    assert row.closed_at is not None
    assert kinds(organization) == ["grant", "hold", *entries]
    assert findings(organization) == []


def test_a_closed_hold_stays_closed(organization):
    # given
    give(organization, 100)
    reference = hold(organization, 40)
    settle(reference, 10)

    # when
    answers = [settle(reference, 40), settle(reference, 0), settle("job:nobody", 1)]

    # then
    assert answers == [None, None, None]
    assert figures(organization) == (90, 0, 0)


@pytest.mark.parametrize("capture", [-1, None])
def test_a_capture_is_a_number_of_credits(organization, capture):
    # given
    give(organization, 100)
    reference = hold(organization, 40)

    # when
    with pytest.raises(DataError), transaction.atomic():
        settle(reference, capture)

    # then
    assert figures(organization) == (60, 40, 0)


def test_what_ends_soonest_is_captured_first_and_the_rest_goes_home(organization):
    # given
    never, later, soon = give(organization, 10), give(organization, 10, days=9), give(organization, 10, days=2)
    reference = hold(organization, 30)

    # when
    settle(reference, 15)

    # then
    assert remaining(never, later, soon) == [10, 5, 0]
    capture = LedgerEntry.objects.get(reference=f"capture:{reference}")
    assert capture.lots == {str(soon.pk): 10, str(later.pk): 5}


def test_held_credits_outlive_their_grant_for_their_job_alone(organization):
    # given
    old, new = give(organization, 100, days=1), give(organization, 100)
    reference = hold(organization, 150)
    end(old)
    ledger.expire_grants()

    # when
    captured = settle(reference, 60)

    # then
    assert captured == 60
    # 60 of the ended grant were spent, its other 40 are gone, the new one has its 50 back.
    assert remaining(old, new) == [0, 100]
    assert figures(organization) == (100, 0, 0)
    assert kinds(organization) == ["grant", "grant", "hold", "capture", "expire", "release"]
    assert findings(organization) == []


@pytest.mark.parametrize("is_swept", [True, False])
def test_a_release_into_an_ended_grant_expires_at_once(organization, is_swept):
    # given
    grant = give(organization, 100, days=1)
    reference = hold(organization, 40)
    end(grant)
    if is_swept:
        ledger.expire_grants()

    # when
    settle(reference, 0)
    ledger.expire_grants()

    # then
    assert figures(organization) == (0, 0, 0)
    assert remaining(grant) == [0]
    assert findings(organization) == []


def test_what_is_given_back_pays_debt(organization, staff):
    # given
    grant = give(organization, 100)
    reference = hold(organization, 60)
    ledger.adjust(organization.pk, credits=-70, reference="r", actor_id=staff.pk, reason="refund", into_debt=True)
    assert figures(organization) == (0, 60, 30)

    # when
    settle(reference, 10)

    # then
    assert figures(organization) == (20, 0, 0)
    assert remaining(grant) == [20]
    assert findings(organization) == []


def test_a_hold_of_one_period_gives_nothing_to_the_next(organization):
    # given
    first = give(organization, 100, kind=Grant.Kind.PLAN, days=1)
    reference = hold(organization, 80)
    end(first)
    second = give(organization, 100, kind=Grant.Kind.PLAN, days=31)

    # when
    settle(reference, 30)

    # then
    assert remaining(first, second) == [0, 100]
    assert figures(organization) == (100, 0, 0)


def test_a_hold_is_undone_with_the_transaction_it_stands_in(organization):
    # given
    give(organization, 100)

    # when
    try:
        with transaction.atomic():
            hold(organization, 40)
            raise RuntimeError("the job could not be written")
    except RuntimeError:
        pass

    # then
    assert figures(organization) == (100, 0, 0)
    assert Hold.objects.filter(wallet=organization.pk).count() == 0


def test_a_usage_record_is_written_once_per_attempt(organization, owner):
    # given
    attempt = uuid.uuid4()

    # when
    for _ in range(2):
        call(
            "usage_record", organization.pk, owner.pk, None, uuid.uuid4(), attempt, "sandbox", "sandbox/v1",
            "generate", "image", 2, 80, 40_000, 1, 900, "succeeded", "",
        )  # fmt: skip

    # then
    record = UsageRecord.objects.get(attempt_id=attempt)
    assert (record.quantity, record.credits, record.cost_micro_usd) == (2, 80, 40_000)
