import base64
import string
import time
from datetime import timedelta
from hashlib import sha256
from zlib import crc32

import pytest
from django.db import connection
from django.utils import timezone

from accounts import api_keys
from accounts.models import ApiKey, AuditEntry, Membership, Role
from core import changes, clock
from tests.factories import ApiKeyFactory
from tests.fixtures import member


def test_key_reads_as_documented_and_ends_in_its_checksum(owner):
    # when
    key = owner.secret

    # then
    body, checksum = key[:-6], key[-6:]
    assert key.startswith("pk_live_")
    assert len(key) == 8 + 8 + 32 + 6
    value = 0
    for character in checksum:
        value = value * 62 + (string.digits + string.ascii_uppercase + string.ascii_lowercase).index(character)
    assert value == crc32(body.encode())


def test_key_is_nowhere_in_a_dump_of_the_database(owner):
    # given
    owner.api.get("/v1/me")

    # when
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        dump = ""
        for table in tables:
            cursor.execute(f'SELECT string_agg(row_to_json(r)::text, chr(10)) FROM "{table}" r')
            dump += cursor.fetchone()[0] or ""

    # then
    assert sha256(owner.secret.encode()).hexdigest() in dump
    assert owner.secret[16:48] not in dump
    assert base64.b64encode(owner.secret.encode()).decode() not in dump


def test_key_acts_for_its_maker_in_its_organization(owner, organization):
    principal = api_keys.authenticate(owner.secret)

    assert principal.user_id == owner.pk
    assert principal.organization_id == organization.pk
    assert principal.role == Role.OWNER
    assert principal.scopes is None
    assert principal.api_key_id == ApiKey.objects.get(user=owner).pk


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: "",
        lambda key: key[:-1],
        lambda key: key + "0",
        lambda key: key.replace("pk_live_", "pk_test_"),
        lambda key: key[:-6] + "000000",
        lambda key: key[:20] + ("a" if key[20] != "a" else "b") + key[21:],
        lambda key: key + "\n",
        lambda key: "ключ" * 20,
    ],
    ids=["empty", "short", "long", "other-prefix", "no-checksum", "mistyped", "newline", "not-ascii"],
)
def test_what_is_no_key_costs_no_query(owner, spoil, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert api_keys.authenticate(spoil(owner.secret)) is None


def test_guessed_secret_with_a_right_checksum_is_refused(owner):
    # given
    body = owner.secret[:16] + "0" * 32

    # when
    guess = body + api_keys._checksum(body)

    # then
    assert api_keys.authenticate(guess) is None


def test_key_is_looked_up_in_one_query_and_then_remembered(owner, django_assert_num_queries):
    # given
    ApiKey.objects.update(last_used_at=clock.now())

    # then
    with django_assert_num_queries(1):
        first = api_keys.authenticate(owner.secret)
    with django_assert_num_queries(0):
        assert api_keys.authenticate(owner.secret) == first


def test_remembered_key_is_read_again_after_five_seconds(owner, monkeypatch, django_assert_num_queries):
    # given
    ApiKey.objects.update(last_used_at=clock.now())
    api_keys.authenticate(owner.secret)

    # when
    later = clock.monotonic() + 5
    monkeypatch.setattr(clock, "monotonic", lambda: later)

    # then
    with django_assert_num_queries(1):
        assert api_keys.authenticate(owner.secret) is not None


def test_key_revoked_past_our_own_pages_dies_within_five_seconds_where_no_change_is_heard(owner, monkeypatch):
    # given
    assert api_keys.authenticate(owner.secret) is not None

    # when
    ApiKey.objects.update(revoked_at=clock.now())
    later = clock.monotonic() + 5
    monkeypatch.setattr(clock, "monotonic", lambda: later)

    # then
    assert api_keys.authenticate(owner.secret) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda owner: ApiKey.objects.update(revoked_at=timezone.now()),
        lambda owner: ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1)),
        lambda owner: type(owner).objects.filter(pk=owner.pk).update(is_active=False),
        lambda owner: type(owner.organization).objects.update(closed_at=timezone.now()),
        lambda owner: Membership.objects.filter(user=owner).delete(),
    ],
    ids=["revoked", "expired", "maker-switched-off", "organization-closed", "maker-left"],
)
def test_key_that_may_no_longer_act_is_401(owner, change):
    # given
    assert owner.api.get("/v1/me").status_code == 200

    # when
    change(owner)
    changes.forget()

    # then
    answer = owner.api.get("/v1/me")
    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_api_key"
    assert answer["WWW-Authenticate"] == "Bearer"


def test_key_acts_by_the_role_of_its_own_organization(owner, organization):
    # given
    member(organization, Role.MEMBER)
    other = ApiKeyFactory().organization
    Membership.objects.create(organization=other, user=owner, role=Role.BILLING)

    # when
    principal = api_keys.authenticate(owner.secret)

    # then
    assert (principal.organization_id, principal.role) == (organization.pk, Role.OWNER)


@pytest.fixture
def nothing_noted(monkeypatch):
    """As in a process that noted no use yet."""
    monkeypatch.setattr(api_keys, "_uses", api_keys._Uses())


def test_use_is_noted_at_most_once_a_minute(owner, nothing_noted, monkeypatch):
    # given
    api_keys.authenticate(owner.secret)
    noted = ApiKey.objects.get(user=owner).last_used_at
    assert noted is not None

    # when
    for seconds in (59, 61):
        move_clocks(monkeypatch, seconds=seconds, since=noted)
        changes.forget()
        api_keys.authenticate(owner.secret)
        if seconds == 59:
            assert ApiKey.objects.get(user=owner).last_used_at == noted

    # then
    assert ApiKey.objects.get(user=owner).last_used_at == noted + timedelta(seconds=61)


def test_keys_used_within_a_second_are_noted_in_one_write(
    organization, nothing_noted, monkeypatch, django_assert_num_queries
):
    # given
    first, *others = [member(organization, Role.MEMBER) for _ in range(4)]
    api_keys.authenticate(first.secret)
    with django_assert_num_queries(3):
        for other in others:
            api_keys.authenticate(other.secret)
    assert ApiKey.objects.filter(last_used_at=None).count() == 3

    # when
    move_clocks(monkeypatch, seconds=61)
    api_keys.authenticate(first.secret)

    # then
    assert ApiKey.objects.filter(last_used_at__gt=timezone.now() + timedelta(seconds=60)).count() == 4


def move_clocks(monkeypatch, *, seconds, since=None):
    """Both clocks as they will be; nothing remembered is that fresh any more."""
    moment, monotonic = (since or timezone.now()) + timedelta(seconds=seconds), time.monotonic() + seconds
    monkeypatch.setattr(clock, "now", lambda: moment)
    monkeypatch.setattr(clock, "monotonic", lambda: monotonic)


def test_issuing_shows_the_key_once(api, owner):
    # when
    answer = api.post("/v1/api-keys", {"name": "ci", "scopes": ["jobs:read"]}, format="json")

    # then
    body = answer.json()
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    assert body["key"].startswith(body["prefix"])
    assert body["scopes"] == ["jobs:read"]
    assert body["createdBy"] == str(owner.pk)
    listed = api.get("/v1/api-keys").json()["data"]
    assert listed[0]["id"] == body["id"]
    assert all("key" not in key for key in listed)
    entry = AuditEntry.objects.get(action="api_key.issued", facts__apiKeyId=body["id"])
    assert entry.actor_id == owner.pk


def test_repeated_issue_replays_without_the_key(api, owner):
    # given
    body, headers = {"name": "ci"}, {"Idempotency-Key": "once"}
    first = api.post("/v1/api-keys", body, format="json", headers=headers)

    # when
    again = api.post("/v1/api-keys", body, format="json", headers=headers)
    other = api.post("/v1/api-keys", {"name": "else"}, format="json", headers=headers)

    # then
    assert again.status_code == 201
    assert again["Idempotency-Replayed"] == "true"
    assert again.json() == first.json() | {"key": None}
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert ApiKey.objects.filter(user=owner, name__in=["ci", "else"]).count() == 1


def test_key_with_scopes_reaches_only_what_they_name(owner, organization):
    # given
    issued = api_keys.issue(organization_id=organization.pk, user_id=owner.pk, name="narrow", scopes=["account:read"])
    owner.api.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.secret}")

    # then
    assert owner.api.get("/v1/me").status_code == 200
    for answer in (
        owner.api.patch("/v1/me", {"name": "Eve"}, format="json"),
        owner.api.post("/v1/api-keys", {"name": "wide"}, format="json"),
        owner.api.post("/v1/ws-tickets"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize("scopes", [[], ["account:write", "jobs:write"]], ids=["all", "one-more"])
def test_key_with_scopes_makes_no_wider_one(owner, organization, scopes):
    # given
    issued = api_keys.issue(organization_id=organization.pk, user_id=owner.pk, name="narrow", scopes=["account:write"])
    owner.api.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.secret}")

    # when
    answer = owner.api.post("/v1/api-keys", {"name": "wide", "scopes": scopes}, format="json")

    # then
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert not ApiKey.objects.filter(name="wide").exists()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "two\nlines"}, "/name"),
        ({"name": "x" * 81}, "/name"),
        ({"name": "x", "scopes": ["everything"]}, "/scopes/0"),
        ({"name": "x", "scopes": "jobs:read"}, "/scopes"),
        ({"name": "x", "expiresAt": "2020-01-01T00:00:00Z"}, "/expiresAt"),
        ({"name": "x", "expiresAt": "9999-12-31T23:59:59-23:59"}, "/expiresAt"),
        ({"name": "x", "organization": "y"}, "/organization"),
        ({"name": "x", "userId": "y"}, "/userId"),
        ([], ""),
    ],
)
def test_odd_key_bodies_are_refused_with_their_place(api, body, pointer):
    answer = api.post("/v1/api-keys", body, format="json")

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_revoking_ends_a_key_at_once(api, owner, organization):
    # given
    issued = api_keys.issue(organization_id=organization.pk, user_id=owner.pk, name="old")
    assert api_keys.authenticate(issued.secret) is not None

    # when
    first = api.delete(f"/v1/api-keys/{issued.row.pk}")
    again = api.delete(f"/v1/api-keys/{issued.row.pk}")

    # then
    assert (first.status_code, again.status_code) == (204, 404)
    assert api_keys.authenticate(issued.secret) is None
    assert AuditEntry.objects.filter(action="api_key.revoked", actor=owner).count() == 1


def test_organization_has_a_bound_of_keys(api, organization, owner, monkeypatch):
    # given
    monkeypatch.setattr(api_keys, "MAX_KEYS", 2)
    api.post("/v1/api-keys", {"name": "second"}, format="json")

    # when
    answer = api.post("/v1/api-keys", {"name": "third"}, format="json")

    # then
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_api_keys")


def test_a_key_makes_none_that_outlives_it(api, owner):
    # given
    end = (timezone.now() + timedelta(days=1)).replace(microsecond=0)
    ApiKey.objects.filter(user=owner).update(expires_at=end)

    # when
    asked_for = [None, (end + timedelta(days=1)).isoformat(), (end - timedelta(hours=1)).isoformat()]
    made = [api.post("/v1/api-keys", {"name": "next", "expiresAt": moment}, format="json") for moment in asked_for]

    # then
    ends = [ApiKey.objects.get(pk=answer.json()["id"]).expires_at for answer in made]
    assert ends == [end, end, end - timedelta(hours=1)]
