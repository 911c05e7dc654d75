"""What the edge does for everybody behind it: one origin, honest headers, limits, and the bucket for reading."""

import hashlib
import os
import uuid
from datetime import timedelta

import boto3
import httpx2
import pytest

from core import clock
from storage import delivery, object_store


@pytest.fixture
def client(stack):
    with httpx2.Client(base_url=stack.base_url, timeout=20) as client:
        yield client


@pytest.fixture
def key():
    """An object that would run in a browser."""
    bucket = boto3.client(
        "s3",
        endpoint_url=os.environ["S3_ENDPOINT_URL"],
        aws_access_key_id=os.environ["S3_ACCESS_KEY"],
        aws_secret_access_key=os.environ["S3_SECRET_KEY"],
        region_name="us-east-1",
    )
    body = b"<script>alert(1)</script>"
    bucket.put_object(Bucket=os.environ["S3_BUCKET"], Key="a/b.html", Body=body, ContentType="text/html")
    return "a/b.html"


@pytest.fixture
def link(stack, key):
    """A signed link to it, as readers get it."""
    until = clock.now() + timedelta(minutes=1)
    return delivery.link(key, content_type="text/html", filename="b.html", sha256=b"1" * 32, until=until)


def test_metrics_are_not_for_the_public(client):
    assert client.get("/metrics").status_code == 404


def test_a_request_keeps_its_id_and_gets_one_when_it_has_none(client):
    assert client.get("/livez", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert len(client.get("/livez").headers["x-request-id"]) == 36
    assert client.get("/livez", headers={"X-Request-Id": 'x"y'}).headers["x-request-id"] != 'x"y'


@pytest.mark.parametrize("headers", [{}, {"Prefer": "wait=1"}], ids=["web", "live"])
def test_a_body_beyond_every_limit_is_a_problem(client, headers):
    # when
    answer = client.post("/v1/jobs", content=b"x" * 10 * 1024**2, headers=headers)

    # then
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "body_too_large"


@pytest.mark.parametrize("headers", [{}, {"Prefer": "wait=1"}], ids=["web", "live"])
def test_a_body_of_untold_length_is_a_problem(client, headers):
    # when
    answer = client.post("/v1/jobs", content=iter([b"{", b"}"]), headers=headers)

    # then
    assert answer.status_code == 411
    assert answer.json()["code"] == "length_required"


@pytest.mark.parametrize("size", [300_000, 5_000_000], ids=str)
def test_a_refusal_arrives_while_its_body_is_still_on_the_way(client, size):
    # when
    answers = [client.post("/v1/jobs", content=b" " * size) for _ in range(20)]

    # then
    assert {answer.status_code for answer in answers} == {401}


def test_a_process_that_is_away_is_a_problem_with_a_time_to_come_back(stack, client):
    # given
    stack.processes["web"].stop(grace_seconds=0)

    # when
    answer = client.get("/livez")

    # then
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "unavailable"


def test_a_signed_link_works_and_what_it_gives_cannot_run(client, link):
    # when
    answer = client.get(link, headers={"Cookie": "session=secret", "Authorization": "Bearer pk_live_x"})

    # then
    assert answer.status_code == 200
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers


def test_a_part_of_an_object_can_be_asked_for(client, link):
    # when
    answer = client.get(link, headers={"Range": "bytes=1-6"})

    # then
    assert (answer.status_code, answer.content) == (206, b"script")


def test_what_a_browser_could_run_is_only_downloaded(client, link):
    assert client.get(link).headers["content-disposition"] == 'attachment; filename="b.html"'


def test_the_bucket_is_for_reading_signed_links(client, link, key):
    assert client.put(link, content=b"other").status_code == 405
    assert client.delete(link).status_code == 405
    for path in (f"/o/{key}", f"/o/{key}?signature=", f"/o/{os.environ['S3_BUCKET']}", "/o/", "/o/../metrics"):
        assert client.get(path).status_code in {403, 404}
    for name in ("X-Origin", "X-Object-Type"):
        assert client.get(f"/o/{key}", headers={name: f"/{os.environ['S3_BUCKET']}/{key}"}).status_code == 403


def test_nobody_asks_for_a_grant_from_outside(client, link, stack):
    assert (
        client.get("/edge/authorize", headers={"X-Original-URI": link.removeprefix(stack.base_url)}).status_code == 404
    )


def test_a_presigned_put_passes_through_and_nothing_else_does(client, stack):
    # given
    content = b"x" * 3_000_000
    until = clock.now() + timedelta(minutes=1)
    put = object_store.presign_put(
        f"test/{uuid.uuid4()}",
        content_type="image/png",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).digest(),
        until=until,
    )
    url = put.url.replace(os.environ["S3_ENDPOINT_URL"], f"{stack.base_url}/upload")

    # when
    preflight = client.options(url, headers={"Origin": "https://app.example", "Access-Control-Request-Method": "PUT"})
    answer = client.put(url, content=content, headers=put.headers)

    # then
    assert (preflight.status_code, preflight.headers["access-control-allow-methods"]) == (204, "PUT")
    assert answer.status_code == 200
    assert client.put(url, content=content + b"!", headers=put.headers).status_code == 403
    assert client.get(url).status_code == 405
