"""The rate card and its versions."""

import uuid
from datetime import timedelta

import pytest

from core import changes, clock
from tests.factories import PriceFactory
from tests.usage.money import at_once
from usage import pricing
from usage.exceptions import Unpriced
from usage.models import Price


def line(model="test/one", *, variant="", credits=40, cost=20_000, unit="image"):
    return pricing.PriceLine(
        model=model,
        operation="generate",
        variant=variant,
        unit=unit,
        unit_credits=credits,
        unit_cost_micro_usd=cost,
    )


def test_what_has_no_price_is_refused(db):
    # given
    pricing.publish([line(variant="turbo")])

    # when
    with pytest.raises(Unpriced) as refused:
        pricing.unit_price("test/one", "generate", "")

    # then
    assert refused.value.facts == {"model": "test/one", "operation": "generate", "variant": ""}


def test_a_published_line_is_in_force(db):
    # when
    published = pricing.publish([line(), line(variant="turbo", credits=55, cost=30_000)])

    # then
    assert published == 2
    assert pricing.unit_price("test/one", "generate", "turbo") == pricing.UnitPrice(
        unit="image", credits=55, cost_micro_usd=30_000, version=1
    )


def test_only_a_change_makes_a_version(db):
    # given
    pricing.publish([line(), line("test/two")])

    # when
    published = [pricing.publish([line(), line("test/two", cost=21_000)]) for _ in range(2)]

    # then
    assert published == [1, 0]
    assert pricing.unit_price("test/one", "generate", "").version == 1
    assert pricing.unit_price("test/two", "generate", "").version == 2
    assert Price.objects.filter(model="test/two").count() == 2


def test_a_price_that_has_not_begun_is_not_in_force(db):
    # given
    PriceFactory(model="test/one", unit_credits=40, version=1)
    PriceFactory(model="test/one", unit_credits=60, version=2, starts_at=clock.now() + timedelta(hours=1))

    # when
    price = pricing.unit_price("test/one", "generate", "")

    # then
    assert (price.credits, price.version) == (40, 1)


def test_the_card_is_remembered_for_seconds(db, django_assert_num_queries):
    # given
    PriceFactory(model="test/one")
    changes.forget()

    # when
    with django_assert_num_queries(1):
        for _ in range(3):
            pricing.unit_price("test/one", "generate", "")
            with pytest.raises(Unpriced):
                pricing.unit_price("test/one", "generate", "made up")


def test_two_publishers_make_one_version(committed):
    # given
    model = f"test/{uuid.uuid4().hex}"

    # when
    published = at_once([lambda: pricing.publish([line(model)])] * 8)

    # then
    assert sorted(published) == [0] * 7 + [1]
