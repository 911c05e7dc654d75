from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import connections, transaction
from django.test import RequestFactory
from rest_framework.test import APIClient

from accounts.models import Organization
from core import clock, idempotency
from core.exceptions import BadIdempotencyKey, IdempotencyInProgress, IdempotencyMismatch
from core.models import IdempotencyRecord

BODY = idempotency.body_sha256(b'{"name": "one"}')


def remember(**changes):
    facts = {
        "organization_id": uuid4(),
        "route": "POST /v1/things",
        "key": "k",
        "body": BODY,
        "status_code": 201,
        "resource_id": uuid4(),
    } | changes
    idempotency.record(**facts)
    return facts


@pytest.mark.parametrize("key", ["a", "x" * 255, "!~:/?#[]@", "0190d3a5-0000-7000-8000-000000000000"])
def test_visible_ascii_is_a_key(key):
    assert idempotency.read_key(RequestFactory().post("/", headers={"Idempotency-Key": key})) == key


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ü", "tab\t", "\x7f", "\x00"])
def test_anything_else_is_not(key):
    with pytest.raises(BadIdempotencyKey):
        idempotency.read_key(RequestFactory().post("/", headers={"Idempotency-Key": key}))


def test_a_request_needs_no_key():
    assert idempotency.read_key(RequestFactory().post("/")) is None


def test_a_record_is_found_by_its_organization_route_and_key(db):
    made = remember()

    found = idempotency.find(made["organization_id"], made["route"], made["key"])

    assert (found.status_code, found.resource_id) == (201, made["resource_id"])
    assert idempotency.find(uuid4(), made["route"], made["key"]) is None
    assert idempotency.find(made["organization_id"], "POST /v1/others", made["key"]) is None
    assert idempotency.find(made["organization_id"], made["route"], "other") is None


def test_another_body_under_the_same_key_is_refused(db):
    made = remember()
    found = idempotency.find(made["organization_id"], made["route"], made["key"])

    idempotency.check_same(found, BODY)
    with pytest.raises(IdempotencyMismatch):
        idempotency.check_same(found, idempotency.body_sha256(b'{"name": "two"}'))


def test_the_slower_of_two_submissions_is_told_to_come_back(db):
    # given
    made = remember()

    # when
    with pytest.raises(IdempotencyInProgress) as refusal, transaction.atomic():
        remember(organization_id=made["organization_id"], resource_id=uuid4())

    # then
    assert refusal.value.retry_after == 1
    assert IdempotencyRecord.objects.get(organization_id=made["organization_id"]).resource_id == made["resource_id"]


def test_of_many_submissions_at_once_one_is_made(committed, owner):
    # given
    key = {"Idempotency-Key": str(uuid4())}
    start = Barrier(12)

    def submit(_):
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {owner.secret}")
        start.wait()
        response = client.post("/v1/organizations", {"name": "Once"}, format="json", headers=key)
        connections.close_all()
        return response

    # when
    with ThreadPoolExecutor(12) as threads:
        responses = list(threads.map(submit, range(12)))

    # then
    assert {response.status_code for response in responses} <= {201, 409}
    assert len({response.json()["id"] for response in responses if response.status_code == 201}) == 1
    assert all(response.headers["Retry-After"] == "1" for response in responses if response.status_code == 409)
    assert Organization.objects.filter(memberships__user=owner, name="Once").count() == 1

    replay = owner.api.post("/v1/organizations", {"name": "Once"}, format="json", headers=key)
    assert (replay.status_code, replay.headers["Idempotency-Replayed"]) == (201, "true")


def test_records_outlive_a_day_of_retries_and_then_go(db):
    # given
    old, young = remember(), remember()
    IdempotencyRecord.objects.filter(organization_id=old["organization_id"]).update(
        created_at=clock.now() - timedelta(hours=49)
    )
    IdempotencyRecord.objects.filter(organization_id=young["organization_id"]).update(
        created_at=clock.now() - timedelta(hours=47)
    )

    # when
    deleted = idempotency.expire()

    # then
    assert deleted == 1
    assert idempotency.find(young["organization_id"], young["route"], young["key"])
