from base64 import urlsafe_b64encode
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.factories import ApiKeyFactory


@pytest.fixture
def keys(organization, owner):
    """Seven keys, newest first: six and the owner's own, which is the oldest."""
    made = [ApiKeyFactory(organization=organization, user=owner) for _ in range(6)]
    return [str(key.pk) for key in reversed(made)] + [str(owner.api_keys.earliest("pk").pk)]


def ids(answer):
    return [row["id"] for row in answer.json()["data"]]


def test_pages_follow_each_other_newest_first(api, keys):
    # when
    first = api.get("/v1/api-keys?limit=3")
    second = api.get(f"/v1/api-keys?limit=3&cursor={first.json()['next']}")
    third = api.get(f"/v1/api-keys?limit=3&cursor={second.json()['next']}")

    # then
    assert ids(first) + ids(second) + ids(third) == keys
    assert third.json()["next"] is None
    assert "Link" not in third.headers


def test_the_link_header_leads_to_the_next_page(api, keys):
    # when
    first = api.get("/v1/api-keys?limit=3")

    # then
    address, relation = first.headers["Link"].removeprefix("<").split(">")
    assert relation == '; rel="next"'
    assert parse_qs(urlsplit(address).query) == {"limit": ["3"], "cursor": [first.json()["next"]]}
    assert ids(api.get(address)) == keys[3:6]


def test_a_page_that_is_just_full_has_no_next(api, keys):
    assert api.get("/v1/api-keys?limit=7").json()["next"] is None


def test_rows_that_arrive_meanwhile_shift_nothing(api, keys, organization, owner):
    # given
    cursor = api.get("/v1/api-keys?limit=2").json()["next"]

    # when
    ApiKeyFactory(organization=organization, user=owner)

    # then
    assert ids(api.get(f"/v1/api-keys?limit=2&cursor={cursor}")) == keys[2:4]


def test_a_cursor_shows_nothing_of_another_organization(keys, api, outsider):
    cursor = api.get("/v1/api-keys?limit=1").json()["next"]

    assert not set(ids(outsider.api.get(f"/v1/api-keys?cursor={cursor}"))) & set(keys)


@pytest.mark.parametrize("limit", ["0", "-1", "101", "1000000", "9" * 5_000, "x", "1.5", "", "٣", "1e2", "NaN"])
def test_a_limit_out_of_bounds_is_refused(api, limit):
    answer = api.get("/v1/api-keys", {"limit": limit})

    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_page"


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "....",
        "ü",
        "a" * 5_000,
        urlsafe_b64encode(b"12").decode(),
        urlsafe_b64encode(b"' OR 1=1").decode(),
        urlsafe_b64encode(b"\xff\xfe").decode(),
        "7ac2e980-d43a-4804-ac29-4766ef733a03",
    ],
)
def test_a_cursor_nobody_gave_is_refused(api, cursor):
    answer = api.get("/v1/api-keys", {"cursor": cursor})

    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_page"
