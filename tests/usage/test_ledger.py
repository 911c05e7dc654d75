"""Credits that come in, are taken by hand, and expire."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from core import clock
from tests.factories import BanFactory, OrganizationFactory, UserFactory
from tests.usage.money import call, end, figures, findings, give, hold, kinds, remaining, settle
from usage import ledger
from usage.exceptions import InsufficientCredits, ReferenceTaken
from usage.models import Entitlement, Grant, LedgerEntry, Wallet


def test_opening_a_wallet_twice_makes_one_with_the_default_limits(organization):
    # when
    ledger.open_wallet(organization.pk)
    ledger.open_wallet(organization.pk)

    # then
    assert Wallet.objects.filter(pk=organization.pk).count() == 1
    assert Entitlement.objects.get(pk=organization.pk).requests_per_minute == 600


def test_a_grant_is_one_entry_and_one_lot(organization):
    # when
    grant = give(organization, 100, reference="payment-1")

    # then
    entry = LedgerEntry.objects.get(wallet=organization.pk)
    assert (entry.kind, entry.reference) == ("grant", "grant:payment-1")
    assert (entry.available, entry.held, entry.debt, entry.outside) == (100, 0, 0, -100)
    assert entry.lots == {str(grant.pk): 100}
    assert figures(organization) == (100, 0, 0)
    assert findings(organization) == []


def test_a_repeated_grant_returns_the_first(organization):
    # when
    grants = [give(organization, 100, reference="payment-1") for _ in range(20)]

    # then
    assert len({grant.pk for grant in grants}) == 1
    assert figures(organization) == (100, 0, 0)


@pytest.mark.parametrize("change", ["credits", "kind", "organization"])
def test_a_reference_grants_nothing_else(organization, change):
    # given
    give(organization, 100, reference="payment-1")
    other = OrganizationFactory() if change == "organization" else organization
    kind = Grant.Kind.PROMO if change == "kind" else Grant.Kind.TOPUP

    # when
    with pytest.raises(ReferenceTaken):
        give(other, 200 if change == "credits" else 100, kind=kind, reference="payment-1")

    # then
    assert figures(organization) == (100, 0, 0)


@pytest.mark.parametrize("credits", [0, -1])
def test_nothing_is_not_granted(organization, credits):
    with pytest.raises(ValueError, match="at least one credit"):
        give(organization, credits)


def test_credits_that_come_in_pay_debt_first(organization, staff):
    # given
    give(organization, 30)
    ledger.adjust(
        organization.pk, credits=-100, reference="refund", actor_id=staff.pk, reason="chargeback", into_debt=True
    )
    assert figures(organization) == (0, 0, 70)

    # when
    first = give(organization, 50)
    second = give(organization, 50)

    # then
    assert figures(organization) == (30, 0, 0)
    assert remaining(first, second) == [0, 30]
    assert kinds(organization) == ["grant", "adjust", "grant", "repay", "grant", "repay"]
    assert findings(organization) == []


def test_a_grant_takes_what_ended_in_the_same_transaction(organization):
    # given
    old = give(organization, 40, days=1)
    end(old)

    # when
    give(organization, 60, days=30)

    # then
    assert figures(organization) == (60, 0, 0)
    assert kinds(organization) == ["grant", "grant", "expire"]


def test_credits_past_their_end_neither_arrive_nor_pay_debt(organization, staff):
    # given
    ledger.adjust(organization.pk, credits=-10, reference="r", actor_id=staff.pk, reason="test", into_debt=True)

    # when
    give(organization, 50, days=-1)

    # then
    assert figures(organization) == (0, 0, 10)
    assert findings(organization) == []


def test_taking_by_hand_is_refused_beyond_what_is_available(organization, staff):
    # given
    give(organization, 30)

    # when
    with pytest.raises(InsufficientCredits) as refused:
        ledger.adjust(organization.pk, credits=-31, reference="r", actor_id=staff.pk, reason="test")

    # then
    assert refused.value.facts == {"available": 30, "needed": 31}
    assert figures(organization) == (30, 0, 0)
    assert kinds(organization) == ["grant"]


def test_an_adjustment_names_who_and_why_and_happens_once(organization, staff):
    # when
    for _ in range(20):
        ledger.adjust(organization.pk, credits=25, reference="goodwill-1", actor_id=staff.pk, reason="late pictures")
        ledger.adjust(organization.pk, credits=-5, reference="goodwill-2", actor_id=staff.pk, reason="too much")

    # then
    assert figures(organization) == (20, 0, 0)
    entries = LedgerEntry.objects.filter(wallet=organization.pk).order_by("id")
    assert [(e.kind, e.reference, e.actor, e.reason) for e in entries] == [
        ("adjust", "adjust:goodwill-1", staff, "late pictures"),
        ("adjust", "adjust:goodwill-2", staff, "too much"),
    ]


@pytest.mark.parametrize("credits", [-5, 26, -25])
def test_a_reference_adjusts_nothing_else(organization, staff, credits):
    # given
    ledger.adjust(organization.pk, credits=25, reference="once", actor_id=staff.pk, reason="test")

    # when
    with pytest.raises(ReferenceTaken):
        ledger.adjust(organization.pk, credits=credits, reference="once", actor_id=staff.pk, reason="test")

    # then
    assert figures(organization) == (25, 0, 0)


@pytest.mark.parametrize(("credits", "reason"), [(0, "test"), (5, "  ")])
def test_an_adjustment_needs_credits_and_a_reason(organization, staff, credits, reason):
    with pytest.raises(ValueError, match="credits and a reason"):
        ledger.adjust(organization.pk, credits=credits, reference="r", actor_id=staff.pk, reason=reason)


def test_the_balance_lists_what_is_left_in_the_order_of_drawing(organization):
    # given
    topup = give(organization, 10)
    late = give(organization, 20, days=9)
    plan = give(organization, 30, days=5, kind=Grant.Kind.PLAN)
    spent = give(organization, 40, days=1)
    hold(organization, 40)

    # when
    balance = ledger.balance(organization.pk)

    # then
    assert [lot.id for lot in balance.lots] == [plan.pk, late.pk, topup.pk]
    assert (balance.available, balance.held, balance.debt) == (60, 40, 0)
    assert remaining(spent) == [0]


def test_the_balance_never_counts_what_has_ended(organization):
    # given
    lasting, ended = give(organization, 5), give(organization, 7, days=1)
    end(ended)

    # when
    balance = ledger.balance(organization.pk)

    # then
    assert balance.available == 5
    assert [lot.id for lot in balance.lots] == [lasting.pk]


def test_of_grants_that_end_together_the_plan_goes_first(organization):
    # given
    at = clock.now() + timedelta(days=3)
    grants = [
        ledger.grant(organization.pk, kind=kind, credits=10, reference=f"same-{kind}", expires_at=at)
        for kind in (Grant.Kind.TOPUP, Grant.Kind.PROMO, Grant.Kind.PLAN)
    ]

    # when
    hold(organization, 15)

    # then
    assert remaining(*grants) == [10, 5, 0]


def test_the_sweep_expires_every_due_grant_once(organization, outsider):
    # given
    for one in (organization, outsider.organization):
        for grant in [give(one, 3), give(one, 10, days=1), give(one, 5, days=2)][1:]:
            end(grant)

    # when
    swept = [ledger.expire_grants(), ledger.expire_grants()]

    # then
    assert swept[0] >= 2
    assert swept[1] == 0
    assert figures(organization) == figures(outsider.organization) == (3, 0, 0)
    assert kinds(organization).count("expire") == 2
    assert findings(organization) == []


def test_a_hold_can_be_released_by_hand_once(funded, organization):
    # given
    actor = UserFactory()
    reference = hold(organization, 400)

    # when
    released = [ledger.release_hold(reference, actor_id=actor.pk, reason="stuck") for _ in range(2)]

    # then
    assert released == [True, False]
    assert figures(organization) == (10_000, 0, 0)
    entry = LedgerEntry.objects.get(reference=f"release:{reference}")
    assert (entry.actor, entry.reason) == (actor, "stuck")
    assert settle(reference, 400) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE usage_ledgerentry SET reason = 'other'",
        "UPDATE usage_ledgerentry SET reason = 'other' WHERE false",
        "DELETE FROM usage_ledgerentry",
        "TRUNCATE usage_ledgerentry",
        "DELETE FROM usage_hold",
        "DELETE FROM usage_grant",
        "TRUNCATE usage_wallet CASCADE",
    ],
)
def test_what_was_written_stays(funded, statement):
    # given
    entries = LedgerEntry.objects.count()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

        # when
        with pytest.raises(IntegrityError, match="money is corrected by another entry"), transaction.atomic():
            cursor.execute(statement)

    # then
    assert LedgerEntry.objects.count() == entries


@pytest.mark.parametrize("name", ["", "banned", "lifted", "over", "user", "closed"])
def test_who_may_start_nothing(organization, owner, name):
    # given
    past = clock.now() - timedelta(minutes=1)
    match name:
        case "banned":
            BanFactory(organization=organization)
        case "lifted":
            BanFactory(organization=organization, lifted_at=past)
        case "over":
            BanFactory(organization=organization, ends_at=past)
        case "user":
            BanFactory(organization=None, user=owner)
        case "closed":
            organization.closed_at = past
            organization.save()

    # when
    reason = call("usage_refusal", organization.pk, owner.pk)

    # then
    assert reason == {"banned": "banned", "user": "banned", "closed": "closed"}.get(name)


def test_a_dry_look_gives_the_reason_a_hold_would(funded, organization, owner, staff):
    # when
    enough = ledger.refusal_of(organization.pk, owner.pk, 10_000)
    too_much = ledger.refusal_of(organization.pk, owner.pk, 10_001)
    ledger.adjust(organization.pk, credits=-10_001, reference="r", actor_id=staff.pk, reason="test", into_debt=True)
    indebted = ledger.refusal_of(organization.pk, owner.pk, 1)

    # then
    assert (enough, too_much, indebted) == (None, "insufficient_credits", "in_debt")
    assert hold(organization, 1) == "in_debt"
    assert findings(organization) == []
