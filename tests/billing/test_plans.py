"""Plans: what joining copies and grants, and the tick that grants each period once."""

from datetime import timedelta

import pytest
from django.db import connection

from accounts import organizations
from accounts.models import AuditEntry
from billing import plans, tasks
from billing.models import Plan, PlanMembership
from core import clock
from tests.factories import OrganizationFactory, PlanFactory, UserFactory
from tests.usage.money import at_once, figures, findings, give, hold, settle
from usage.models import Entitlement, Grant


@pytest.fixture
def pro(rows):
    return PlanFactory(slug="t-pro", monthly_credits=500, weight=4, places=50, queued_jobs=7, requests_per_minute=90)


@pytest.fixture
def small(rows):
    return PlanFactory(slug="t-small", monthly_credits=100)


@pytest.fixture
def unplanned(db):
    """No plans at all, whatever the database came with."""
    PlanMembership.objects.all().delete()
    Plan.objects.all().delete()


@pytest.fixture
def personal(rows):
    return OrganizationFactory(is_personal=True)


def began(organization, **ago):
    """As if the organization had joined that long ago, and no tick had come since."""
    at = clock.now() - timedelta(**ago)
    PlanMembership.objects.filter(pk=organization.pk).update(anchor_at=at, next_grant_at=at)
    with connection.cursor() as cursor:
        # The grant made at joining belongs to another period then.
        cursor.execute(
            "UPDATE usage_grant SET reference = 'moved:' || id WHERE wallet_id = %s AND kind = 'plan'",
            [organization.pk],
        )


def plan_grants(organization):
    grants = Grant.objects.filter(wallet=organization.pk, kind="plan", reference__startswith="plan:")
    return list(grants.order_by("expires_at", "id"))


def test_joining_copies_the_limits_and_grants_the_period(organization, owner, pro):
    # when
    plans.join(organization.pk, pro, actor_id=owner.pk, reason="asked for it")

    # then
    entitlement = Entitlement.objects.get(pk=organization.pk)
    assert (entitlement.weight, entitlement.places, entitlement.queued_jobs) == (4, 50, 7)
    assert entitlement.requests_per_minute == 90
    membership = PlanMembership.objects.get(pk=organization.pk)
    (grant,) = plan_grants(organization)
    assert grant.reference == f"plan:{organization.pk}:{membership.anchor_at:%Y-%m-%dT%H:%M:%SZ}"
    assert (grant.credits, grant.expires_at) == (500, membership.next_grant_at)
    assert figures(organization) == (500, 0, 0)
    audit = AuditEntry.objects.get(organization=organization, action="plan.joined")
    assert (audit.actor, audit.reason, audit.facts) == (owner, "asked for it", {"plan": "t-pro"})


def test_joining_again_changes_nothing(organization, pro):
    # when
    for _ in range(3):
        plans.join(organization.pk, pro, actor_id=None)

    # then
    assert figures(organization) == (500, 0, 0)
    assert AuditEntry.objects.filter(organization=organization).count() == 1


def test_a_larger_plan_brings_the_period_up_to_its_credits_once(organization, small, pro):
    # given
    plans.join(organization.pk, small, actor_id=None)

    # when
    for plan in (pro, small, pro, small, pro):
        plans.join(organization.pk, plan, actor_id=None)

    # then
    assert figures(organization) == (500, 0, 0)
    assert [grant.credits for grant in plan_grants(organization)] == [100, 400]
    assert Entitlement.objects.get(pk=organization.pk).weight == 4


def test_a_smaller_plan_takes_nothing_back_before_the_period_ends(organization, small, pro):
    # given
    plans.join(organization.pk, pro, actor_id=None)

    # when
    plans.join(organization.pk, small, actor_id=None)

    # then
    assert figures(organization) == (500, 0, 0)
    assert Entitlement.objects.get(pk=organization.pk).weight == 1


def test_a_plan_without_credits_grants_nothing(organization):
    # given
    nothing = PlanFactory(monthly_credits=0)

    # when
    plans.join(organization.pk, nothing, actor_id=None)

    # then
    assert figures(organization) == (0, 0, 0)
    assert PlanMembership.objects.get(pk=organization.pk).next_grant_at > clock.now()


def test_the_tick_grants_a_period_that_began_and_expires_the_one_before(organization, pro):
    # given
    plans.join(organization.pk, pro, actor_id=None)
    reference = hold(organization, 120)
    began(organization, days=33)
    Grant.objects.filter(wallet=organization.pk).update(expires_at=clock.now())

    # when
    tasks.grant_due()
    settle(reference, 20)
    tasks.grant_due()

    # then
    # What was held of the old period pays its job; the rest of it does not reach the new one.
    assert figures(organization) == (500, 0, 0)
    assert [grant.credits for grant in plan_grants(organization)] == [500, 500]
    assert findings(organization) == []


def test_a_tick_after_a_long_silence_catches_up(organization, pro):
    # given
    plans.join(organization.pk, pro, actor_id=None)
    began(organization, days=100)
    Grant.objects.filter(wallet=organization.pk).update(expires_at=clock.now())

    # when
    plans.grant_due()

    # then
    periods = plan_grants(organization)
    assert len(periods) == 4
    assert [grant.remaining for grant in periods] == [0, 0, 0, 500]
    assert periods[-1].expires_at > clock.now()
    assert figures(organization) == (500, 0, 0)


def test_three_ticks_at_once_grant_once(committed, organization, pro_of_its_own):
    # given
    plans.join(organization.pk, pro_of_its_own, actor_id=None)
    began(organization, days=33)
    Grant.objects.filter(wallet=organization.pk).update(expires_at=clock.now())

    # when
    at_once([plans.grant_due] * 3)

    # then
    assert figures(organization) == (500, 0, 0)
    assert len(plan_grants(organization)) == 2
    assert findings(organization) == []


@pytest.fixture
def pro_of_its_own(committed):
    return PlanFactory(slug=f"t-{clock.now().timestamp()}".replace(".", "-"), monthly_credits=500)


def test_a_closed_organization_is_granted_nothing(organization, pro):
    # given
    plans.join(organization.pk, pro, actor_id=None)
    began(organization, days=33)
    organization.closed_at = clock.now()
    organization.save()

    # when
    plans.grant_due()

    # then
    assert plan_grants(organization) == []


def test_the_plans_of_a_new_installation_are_added_once(unplanned):
    # when
    added = [plans.publish_defaults() for _ in range(2)]

    # then
    assert added == [3, 0]
    assert Plan.objects.get(is_default=True).slug == "free"


def test_staffs_edits_and_own_default_plan_stay(unplanned):
    # given
    PlanFactory(slug="pro", monthly_credits=7)
    PlanFactory(slug="house", is_default=True)

    # when
    plans.publish_defaults()

    # then
    assert Plan.objects.get(slug="pro").monthly_credits == 7
    assert Plan.objects.get(is_default=True).slug == "house"


def test_who_signs_up_has_the_default_plans_credits(unplanned):
    # given
    plans.publish_defaults()

    # when
    organization = organizations.open_personal_organization(UserFactory())

    # then
    assert figures(organization) == (1_000, 0, 0)
    assert organization.plan_membership.plan.slug == "free"


def test_a_shared_organization_has_a_wallet_and_no_free_credits(unplanned):
    # given
    plans.publish_defaults()

    # when
    organization = organizations.create_organization("Team", UserFactory())

    # then
    assert figures(organization) == (0, 0, 0)
    assert not PlanMembership.objects.filter(pk=organization.pk).exists()


def test_without_a_default_plan_there_is_a_wallet(unplanned, personal):
    # when
    plans.ensure(personal.pk)

    # then
    assert figures(personal) == (0, 0, 0)


def test_what_an_operator_makes_has_what_the_operator_gives(unplanned):
    # given
    plans.publish_defaults()

    # when
    _, organization = organizations.create_user_with_organization("new@example.com", "correct horse battery")
    give(organization, 240)
    plans.grant_due()

    # then
    assert figures(organization) == (240, 0, 0)
