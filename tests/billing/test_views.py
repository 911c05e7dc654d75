"""Plans over HTTP."""

import pytest

from accounts.models import Role
from billing import plans
from billing.models import Plan, PlanMembership
from tests.fixtures import member


@pytest.fixture
def offered(rows):
    PlanMembership.objects.all().delete()
    Plan.objects.all().delete()
    plans.publish_defaults()


def test_the_plans_are_listed_with_their_price_and_credits(api, organization, offered):
    # given
    plans.join(organization.pk, Plan.objects.get(slug="pro"), actor_id=None)

    # when
    answer = api.get("/v1/plans")

    # then
    assert answer.status_code == 200
    assert answer.json()["next"] is None
    assert answer.json()["data"][:2] == [
        {
            "id": "free",
            "kind": "plan",
            "title": "Free",
            "credits": 1_000,
            "price": {"amount": 0, "currency": "usd"},
            "interval": "month",
            "isCurrent": False,
        },
        {
            "id": "pro",
            "kind": "plan",
            "title": "Pro",
            "credits": 22_000,
            "price": {"amount": 2_000, "currency": "usd"},
            "interval": "month",
            "isCurrent": True,
        },
    ]


def test_an_outsider_sees_the_plans_and_not_who_is_on_them(outsider, organization, offered):
    # given
    plans.join(organization.pk, Plan.objects.get(slug="pro"), actor_id=None)

    # when
    listed = outsider.api.get("/v1/plans").json()["data"]

    # then
    assert [plan["isCurrent"] for plan in listed] == [False, False, False]


@pytest.mark.parametrize("role", list(Role))
def test_every_member_may_read_them(organization, offered, role):
    assert member(organization, role).api.get("/v1/plans").status_code == 200


def test_nobody_without_credentials_reads_them(anonymous, db):
    assert anonymous.get("/v1/plans").status_code == 401
