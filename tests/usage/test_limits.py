"""How often an organization may ask, with Valkey and without."""

import re
from collections import Counter

import pytest
from redis.exceptions import ConnectionError as ValkeyAway

from accounts.models import Role
from accounts.principal import Principal
from core import changes, valkey
from tests.factories import EntitlementFactory
from tests.usage.money import at_once
from usage import limits
from usage.exceptions import RateLimited


def principal_of(organization):
    return Principal(user_id=organization.pk, organization_id=organization.pk, role=Role.OWNER)


@pytest.fixture
def principal(organization):
    return principal_of(organization)


@pytest.fixture
def limited(organization):
    """Allows five requests a minute, or one where each process counts for itself."""
    return EntitlementFactory(organization=organization, requests_per_minute=5)


@pytest.fixture
def valkey_away(monkeypatch):
    """A client whose server cannot be reached."""
    client = valkey.client()
    lost = type(client).from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)
    monkeypatch.setattr(valkey, "client", lambda: lost)
    valkey.breaker.succeeded()
    yield
    valkey.breaker.succeeded()


def asked(principal):
    try:
        limits.check_request(principal)
    except RateLimited:
        return "refused"
    return "allowed"


def test_as_many_as_the_entitlement_says_pass(limited, principal):
    # when
    rates = [limits.check_request(principal) for _ in range(5)]

    # then
    assert [rate.remaining for rate in rates] == [4, 3, 2, 1, 0]
    assert {rate.limit for rate in rates} == {5}
    assert all(1 <= rate.reset_seconds <= 60 for rate in rates)


def test_one_more_is_refused_with_the_wait(limited, principal):
    # given
    for _ in range(5):
        limits.check_request(principal)

    # when
    with pytest.raises(RateLimited) as refused:
        limits.check_request(principal)

    # then
    assert refused.value.facts == {"scope": "organization", "metric": "requests", "limit": 5, "used": 5}
    assert 1 <= refused.value.retry_after <= 60
    assert refused.value.headers["RateLimit-Policy"] == '"default";q=5;w=60'
    assert re.fullmatch(r'"default";r=0;t=\d+', refused.value.headers["RateLimit"])


def test_a_refused_request_does_not_count(limited, principal):
    # when
    answers = [asked(principal) for _ in range(12)]

    # then
    assert answers == ["allowed"] * 5 + ["refused"] * 7
    assert limits.of(principal.organization_id)[0].used == 5


def test_another_organization_is_not_touched(limited, principal, outsider):
    # given
    for _ in range(6):
        asked(principal)

    # when, then
    assert limits.check_request(principal_of(outsider.organization)).remaining == 599


def test_of_200_at_once_exactly_the_limit_passes(committed, organization):
    # given
    EntitlementFactory(organization=organization, requests_per_minute=50)
    principal = principal_of(organization)

    # when
    answers = Counter(at_once([lambda: [asked(principal) for _ in range(10)].count("allowed")] * 20))

    # then
    assert sum(allowed * times for allowed, times in answers.items()) == 50


def test_a_valkey_that_forgot_its_scripts_counts_on(limited, principal):
    # given
    limits.check_request(principal)
    valkey.client().script_flush()

    # when
    rate = limits.check_request(principal)

    # then
    assert rate.remaining == 3


def test_a_new_limit_keeps_what_was_counted(limited, principal):
    # given
    for _ in range(5):
        limits.check_request(principal)
    limited.requests_per_minute = 8
    limited.save()
    changes.forget()

    # when
    rate = limits.check_request(principal)

    # then
    assert (rate.limit, rate.remaining) == (8, 2)


def test_without_valkey_each_process_allows_a_quarter(organization, valkey_away):
    # given
    EntitlementFactory(organization=organization, requests_per_minute=20)
    principal = principal_of(organization)

    # when
    answers = Counter(asked(principal) for _ in range(20))

    # then
    assert answers == {"allowed": 5, "refused": 15}
    with pytest.raises(ValkeyAway):
        valkey.client().ping()


def test_without_valkey_the_limits_are_still_told(organization, valkey_away):
    assert [(limit.metric, limit.limit, limit.used) for limit in limits.of(organization.pk)] == [
        ("requests", 600, None),
        ("concurrency", 20, None),
        ("queued", 1_000, None),
    ]


def test_the_limit_is_read_once_in_a_while(limited, principal, django_assert_num_queries):
    # given
    changes.forget()

    # when
    with django_assert_num_queries(1):
        for _ in range(4):
            limits.check_request(principal)


def test_every_answer_says_where_the_organization_stands(api, limited):
    # when
    read = api.get("/v1/me")
    written = [api.post("/v1/quotes", {}, format="json") for _ in range(2)]
    read_again = api.get("/v1/nothing"), api.get("/v1/balance")

    # then: reading is not counted, writing is, refused or not
    assert [answer.status_code for answer in written] == [422, 422]
    left = [re.search(r"r=(\d+)", answer["RateLimit"])[1] for answer in (read, *written, read_again[1])]
    assert left == ["5", "4", "3", "3"]
    assert read["RateLimit-Policy"] == '"default";q=5;w=60'


def test_a_write_too_many_is_refused_wherever_it_goes(api, limited, principal):
    # given
    for _ in range(5):
        limits.check_request(principal)

    # when
    answers = [api.post("/v1/quotes", {}, format="json"), api.get("/v1/balance")]

    # then
    assert [answer.status_code for answer in answers] == [429, 200]
    assert answers[0]["Retry-After"]
    assert answers[0]["RateLimit"].startswith('"default";r=0;')


def test_without_valkey_answers_still_say_where_the_organization_stands(api, limited, valkey_away):
    assert api.get("/v1/me")["RateLimit"].startswith('"default";r=1;')
