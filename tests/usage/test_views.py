"""Balance, ledger, usage and limits over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from core import clock
from tests.factories import UsageRecordFactory
from tests.usage.money import end, give, hold, settle

READ_ROUTES = ["/v1/balance", "/v1/ledger", "/v1/usage", "/v1/usage/records", "/v1/limits"]


@pytest.fixture
def record(organization, owner):
    def make(**fields):
        return UsageRecordFactory(organization=organization, user=fields.pop("user", owner), **fields)

    return make


def test_the_balance_has_the_grants_it_is_made_of(api, organization):
    # given
    topup, plan = give(organization, 100), give(organization, 50, kind="plan", days=3)
    hold(organization, 60)

    # when
    answer = api.get("/v1/balance")

    # then
    assert answer.status_code == 200
    assert answer.json() == {
        "available": 90,
        "held": 60,
        "debt": 0,
        "grants": [{"id": str(topup.pk), "kind": "topup", "credits": 100, "remaining": 90, "expiresAt": None}],
    }
    assert plan.expires_at is not None


def test_a_new_organization_has_an_empty_balance(api):
    assert api.get("/v1/balance").json() == {"available": 0, "held": 0, "debt": 0, "grants": []}


def test_ended_credits_are_not_in_the_balance(api, organization):
    # given
    end(give(organization, 50, days=3))

    # when, then
    assert api.get("/v1/balance").json()["available"] == 0


def test_the_ledger_is_read_newest_first_by_pages(api, organization):
    # given
    give(organization, 100)
    reference = hold(organization, 40)
    settle(reference, 30)

    # when
    first = api.get("/v1/ledger", {"limit": 3}).json()
    second = api.get("/v1/ledger", {"limit": 3, "cursor": first["next"]}).json()

    # then
    entries = first["data"] + second["data"]
    assert [(e["kind"], e["available"], e["held"], e["availableAfter"]) for e in entries] == [
        ("release", 10, -10, 70),
        ("capture", 0, -30, 60),
        ("hold", -40, 40, 60),
        ("grant", 100, 0, 100),
    ]
    assert second["next"] is None
    assert set(entries[0]) == {
        "reference", "kind", "available", "held", "debt", "availableAfter", "heldAfter", "debtAfter", "reason", "at",
    }  # fmt: skip


def test_usage_records_say_what_was_used_and_not_what_it_cost_us(api, record, owner):
    # given
    row = record(trace_id="a" * 32)

    # when
    (answer,) = api.get("/v1/usage/records").json()["data"]

    # then
    assert answer.pop("at").endswith("Z")
    assert answer == {
        "id": str(row.pk),
        "jobId": str(row.job_id),
        "userId": str(owner.pk),
        "apiKeyId": None,
        "provider": "sandbox",
        "model": "sandbox/v1",
        "operation": "generate",
        "unit": "image",
        "quantity": 1,
        "credits": 40,
        "priceVersion": 1,
        "latencyMs": 1_200,
        "outcome": "succeeded",
        "traceId": "a" * 32,
    }


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"provider": "qwen"}, 1),
        ({"model": "sandbox/v1"}, 2),
        ({"operation": "upscale"}, 1),
        ({"outcome": "timeout"}, 1),
        ({"since": "2026-01-02T00:00:00Z"}, 2),
        ({"since": "2026-01-02T16:00:00+16:00"}, 2),
        ({"until": "2026-01-02T00:00:00Z"}, 1),
        ({"provider": "qwen", "outcome": "timeout"}, 0),
    ],
)
def test_usage_records_are_filtered(api, record, query, count):
    # given
    record(at=datetime(2026, 1, 1, tzinfo=UTC))
    record(at=datetime(2026, 1, 2, tzinfo=UTC), provider="qwen", model="qwen/image", operation="upscale")
    record(outcome="timeout")

    # when, then
    assert len(api.get("/v1/usage/records", query).json()["data"]) == count


@pytest.mark.parametrize(
    "query",
    [
        {"userId": "me"},
        {"since": "yesterday"},
        {"since": "2026-01-02T00:00:00"},
        {"until": "0001-01-01T00:00:00+16:00"},
        {"jobId": "1"},
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(api, query):
    # when
    answer = api.get("/v1/usage/records", query)

    # then
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(query))}"


def test_usage_is_summed_by_day_and_provider(api, record, owner):
    # given
    today = clock.now().replace(hour=12, minute=0)
    record(at=today, credits=40)
    record(at=today, credits=2, provider="qwen", outcome="timeout")
    record(at=today - timedelta(days=1), credits=5)
    record(at=today - timedelta(days=40), credits=1_000)

    # when
    days = api.get("/v1/usage", {"groupBy": "provider"}).json()
    plain = api.get("/v1/usage", {"since": str(today.date())}).json()

    # then
    yesterday = str((today - timedelta(days=1)).date())
    assert days == {
        "data": [
            {"day": yesterday, "provider": "sandbox", "calls": 1, "failedCalls": 0, "credits": 5},
            {"day": str(today.date()), "provider": "qwen", "calls": 1, "failedCalls": 1, "credits": 2},
            {"day": str(today.date()), "provider": "sandbox", "calls": 1, "failedCalls": 0, "credits": 40},
        ],
        "next": None,
    }
    assert plain["data"] == [{"day": str(today.date()), "calls": 2, "failedCalls": 1, "credits": 42}]


def test_usage_is_grouped_by_user(api, record, owner, teammate):
    # given
    record(credits=1)
    record(credits=2, user=teammate)

    # when
    days = api.get("/v1/usage", {"groupBy": "user"}).json()["data"]

    # then
    assert {day["userId"]: day["credits"] for day in days} == {str(owner.pk): 1, str(teammate.pk): 2}


@pytest.mark.parametrize(
    "query",
    [
        {"groupBy": "apiKey"},
        {"since": "2026-02-30"},
        {"since": "2026-02-01", "until": "2026-01-01"},
        {"since": "2020-01-01", "until": "2026-01-01"},
        {"until": "0001-01-01"},
        {"since": "9999-12-31", "until": "9999-12-31"},
        {"limit": "5"},
    ],
)
def test_a_series_that_cannot_be_given_is_refused(api, query):
    assert api.get("/v1/usage", query).status_code == 422


def test_the_limits_say_what_is_used_where_it_is_known(api):
    # when
    answer = api.get("/v1/limits").json()

    # then
    assert answer == {
        "data": [
            {"scope": "organization", "metric": "requests", "window": "minute", "limit": 600, "used": 0},
            {"scope": "organization", "metric": "concurrency", "window": None, "limit": 20, "used": None},
            {"scope": "organization", "metric": "queued", "window": None, "limit": 1_000, "used": None},
        ],
        "next": None,
    }


@pytest.mark.parametrize("route", READ_ROUTES)
def test_an_outsider_sees_only_their_own(outsider, organization, owner, record, route):
    # given
    give(organization, 100)
    record()

    # when
    ours, theirs = owner.api.get(route).json(), outsider.api.get(route).json()

    # then
    if route == "/v1/limits":
        assert ours == theirs
    elif route == "/v1/balance":
        assert (ours["available"], theirs["available"]) == (100, 0)
    else:
        assert (len(ours["data"]), theirs["data"]) == (1, [])


@pytest.mark.parametrize("route", READ_ROUTES)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_is_written_here(api, route, method):
    assert getattr(api, method)(route).status_code in {403, 405}


@pytest.mark.parametrize("route", READ_ROUTES)
def test_nobody_without_credentials_reads(anonymous, db, route):
    assert anonymous.get(route).status_code == 401
