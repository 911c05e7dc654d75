"""What the shipped Caddyfile gives to readers and takes from senders, in front of the real web and bucket."""

import os
import uuid
from datetime import UTC, datetime, timedelta

import boto3
import httpx2
import pytest
from botocore.config import Config

from storage import delivery
from storage.models import Rendition
from tests.stack import FRONTEND
from tests.storage import readings
from tests.storage.readings import (
    CONTENT,
    ETAG_OF_ANOTHER,
    INVALID_RANGES,
    RANGES,
    SIZE,
    assert_part,
    assert_whole,
    differing,
    published,
    raw_get,
    stored,
)

pytestmark = pytest.mark.usefixtures("stack")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture(scope="module")
def key():
    return stored()


@pytest.fixture
def url(key):
    return readings.link(key)


@pytest.fixture
def public(stack):
    return delivery.public_link(published().object_key)


@pytest.fixture
def etag(url):
    return httpx2.head(url).headers["ETag"]


@pytest.mark.parametrize(("asked", "due"), RANGES.values(), ids=RANGES)
def test_a_part_is_delivered(url, asked, due):
    assert_part(httpx2.get(url, headers={"Range": asked}), due)


@pytest.mark.parametrize("asked", INVALID_RANGES.values(), ids=INVALID_RANGES)
def test_a_range_without_sense_is_passed_over(url, asked):
    assert_whole(httpx2.get(url, headers={"Range": asked}))


def test_a_part_is_of_the_version_that_the_reader_has(url, etag):
    asked = {"Range": "bytes=5-9"}

    assert_part(httpx2.get(url, headers=asked | {"If-Range": etag}), (5, 9))
    for other in (ETAG_OF_ANOTHER, f"W/{etag}", "Tue, 01 Jan 2030 00:00:00 GMT"):
        assert_whole(httpx2.get(url, headers=asked | {"If-Range": other}))


@pytest.mark.parametrize("sent", ["{}", "W/{}", '"x", {}', "*"])
def test_what_a_reader_has_is_not_sent_again(url, etag, sent):
    response = httpx2.get(url, headers={"If-None-Match": sent.format(etag), "Range": "bytes=0-4"})

    assert (response.status_code, response.content) == (304, b"")
    whole = httpx2.get(url)
    for name in ("ETag", "Cache-Control", "Expires", "Repr-Digest", "Vary"):
        assert response.headers[name] == whole.headers[name]


def test_conditions_that_hold_change_nothing(url, etag):
    assert_whole(httpx2.get(url, headers={"If-None-Match": ETAG_OF_ANOTHER}))
    assert_whole(httpx2.get(url, headers={"If-Match": etag}))
    assert_whole(httpx2.get(url, headers={"If-Match": "*"}))
    assert_whole(httpx2.get(url, headers={"If-Modified-Since": "Tue, 01 Jan 2030 00:00:00 GMT"}))
    assert_whole(httpx2.get(url, headers={"If-Unmodified-Since": "Tue, 01 Jan 2013 00:00:00 GMT"}))


@pytest.mark.parametrize("sent", [ETAG_OF_ANOTHER, "W/{}"])
def test_a_version_that_is_not_there_is_a_problem(url, etag, sent):
    response = httpx2.get(url, headers={"If-Match": sent.format(etag)})

    assert response.status_code == 412
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "precondition_failed"


def test_head_tells_what_get_tells(url, public):
    for address in (url, public):
        told = httpx2.head(address)
        got = httpx2.get(address)

        assert (told.status_code, told.content) == (200, b"")
        assert differing(told, got) == set()
        assert httpx2.head(address, headers={"If-None-Match": got.headers["ETag"]}).status_code == 304
        assert httpx2.head(address, headers={"If-Match": ETAG_OF_ANOTHER}).status_code == 412


@pytest.mark.parametrize(
    ("content_type", "told", "disposition"),
    [
        ("image/webp", "image/webp", 'inline; filename="a.b"'),
        ("audio/mpeg", "audio/mpeg", 'inline; filename="a.b"'),
        ("application/json", "application/json", 'attachment; filename="a.b"'),
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8", 'attachment; filename="a.b"'),
        ("image/svg+xml", "image/svg+xml", 'attachment; filename="a.b"'),
        ("text/html", "application/octet-stream", 'attachment; filename="a.b"'),
        ("text/javascript", "application/octet-stream", 'attachment; filename="a.b"'),
        ("application/pdf", "application/octet-stream", 'attachment; filename="a.b"'),
    ],
)
def test_nothing_that_runs_is_shown(content_type, told, disposition):
    key = stored(SVG, content_type="text/html")

    response = httpx2.get(readings.link(key, SVG, content_type=content_type, filename="a.b"))

    assert response.content == SVG
    assert response.headers["Content-Type"] == told
    assert response.headers["Content-Disposition"] == disposition
    assert response.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_public_object_needs_no_signature_and_is_kept(public):
    response = httpx2.get(public)

    assert "?" not in public
    assert_whole(response)
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Expires" not in response.headers
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["Content-Disposition"] == "inline"
    assert response.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert len({name.lower() for name, _ in response.headers.multi_items()}) == len(response.headers.multi_items())


def test_a_part_and_conditions_are_kept_of_a_public_object(public):
    etag = httpx2.head(public).headers["ETag"]

    assert_part(httpx2.get(public, headers={"Range": "bytes=-7"}), (SIZE - 7, SIZE - 1))
    assert_part(httpx2.get(public, headers={"Range": f"bytes={SIZE}-"}), "none")
    assert_whole(httpx2.get(public, headers={"If-Range": ETAG_OF_ANOTHER, "Range": "bytes=0-4"}))
    unchanged = httpx2.get(public, headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.headers["ETag"]) == (304, etag)
    assert httpx2.get(public, headers={"If-Match": ETAG_OF_ANOTHER}).json()["code"] == "precondition_failed"


def test_a_public_object_is_read_until_it_is_taken_back(stack):
    # given
    row = published()
    public = delivery.public_link(row.object_key)
    assert httpx2.get(public).status_code == 200

    # when
    Rendition.objects.filter(pk=row.pk).update(state=Rendition.State.DYING)

    # then
    response = httpx2.get(public)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_what_is_not_there_is_a_problem_and_not_the_stores_words(stack):
    for missing in (readings.link(f"blobs/{uuid.uuid4()}"), f"{stack.base_url}/o/public/{uuid.uuid4()}"):
        response = httpx2.get(missing)

        assert response.status_code == 404
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.json()["code"] == "not_found"


def test_a_link_that_was_changed_has_ended_or_was_never_signed_opens_nothing(stack, key, url):
    for wrong in (
        url.partition("?")[0],
        url.replace("image%2Fpng", "text%2Fplain"),
        url.replace("/o/", "/o//"),
        url[:-1] + "AB"[url[-1] == "A"],
        readings.link(key, until=datetime.now(UTC) - timedelta(seconds=1)),
        f"{stack.base_url}/o/public%2f..%2f{key}",
    ):
        response = raw_get(wrong)

        assert response.status_code == 403
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["code"] == "link_refused"
    for wrong in (f"/o/public/../{key}", f"/o/public/%2e%2e/{key}", "/o/public/", "/o/public/%00"):
        assert raw_get(stack.base_url + wrong).status_code in (403, 404)


def test_objects_are_for_reading(url):
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        response = httpx2.request(method, url)

        assert response.status_code == 405
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
        assert response.json()["code"] == "method_not_allowed"


def test_who_asks_web_for_the_way_to_the_bytes_finds_nothing(stack, url):
    asked = {"X-Original-URI": url.removeprefix(stack.base_url)}

    for path in ("/edge/authorize", "/edge//authorize", "/edge", "//edge/authorize", "/EDGE/authorize"):
        assert raw_get(stack.base_url + path, headers=asked).status_code == 404
    web = f"http://localhost:{stack.processes['web'].env['PORT']}/edge/authorize"
    assert httpx2.get(web, headers=asked | {"X-Forwarded-For": "203.0.113.9"}).status_code == 404
    assert httpx2.get(web, headers=asked).status_code == 204


def test_a_page_of_the_frontend_may_read_what_it_needs(url):
    response = httpx2.get(url, headers={"Origin": FRONTEND})
    refused = httpx2.get(url[:-1], headers={"Origin": FRONTEND})
    asked = httpx2.options(url, headers={"Origin": FRONTEND, "Access-Control-Request-Method": "GET"})

    assert response.headers["Access-Control-Allow-Origin"] == FRONTEND
    exposed = set(response.headers["Access-Control-Expose-Headers"].split(", "))
    assert {"ETag", "Content-Range", "Repr-Digest", "Accept-Ranges"} <= exposed
    assert response.headers["Vary"] == "Origin"
    assert refused.headers["Access-Control-Allow-Origin"] == FRONTEND
    assert (asked.status_code, asked.headers["Access-Control-Allow-Methods"]) == (204, "GET, HEAD")


def test_a_page_of_another_origin_may_not(url):
    for origin in ("https://app.example.com.evil.example", "https://appXexample.com", "null"):
        response = httpx2.get(url, headers={"Origin": origin})
        asked = httpx2.options(url, headers={"Origin": origin, "Access-Control-Request-Method": "GET"})

        assert "Access-Control-Allow-Origin" not in response.headers
        assert response.headers["Vary"] == "Origin"
        assert asked.status_code == 405
        assert "Access-Control-Allow-Origin" not in asked.headers


def test_bytes_are_put_through_the_edge_by_a_page_of_the_frontend(stack, bucket):
    # given
    key = f"test/{uuid.uuid4()}"
    address = put_link(stack, key)
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "if-none-match"}

    # when
    allowed = httpx2.options(address, headers=asked | {"Origin": FRONTEND})
    response = httpx2.put(address, content=CONTENT, headers={"Origin": FRONTEND, "Cookie": "session=x"}, timeout=30)

    # then
    assert (allowed.status_code, allowed.headers["Access-Control-Allow-Headers"]) == (204, "if-none-match")
    assert response.status_code == 200, response.text
    assert response.headers["Access-Control-Allow-Origin"] == FRONTEND
    assert "ETag" in response.headers
    assert "ETag" in response.headers["Access-Control-Expose-Headers"]
    assert not [name for name in response.headers if name.startswith("x-amz")]
    assert bucket.read(key) == CONTENT


def test_only_a_put_that_was_signed_reaches_the_bucket(stack, key, bucket):
    address = put_link(stack, f"test/{uuid.uuid4()}")

    for method in ("GET", "POST", "DELETE"):
        assert httpx2.request(method, address).status_code == 405
    response = httpx2.put(address.partition("?")[0], content=b"x")
    assert response.status_code == 403
    assert response.headers["Content-Type"] == "application/problem+json"
    assert httpx2.put(address.replace("test/", "test/0"), content=b"x").status_code == 403


def test_a_put_makes_no_copy_of_another_object(stack, key, bucket):
    target = f"test/{uuid.uuid4()}"
    source = f"/{os.environ['S3_BUCKET']}/{key}"

    httpx2.put(put_link(stack, target), content=b"mine", headers={"x-amz-copy-source": source})

    assert bucket.read(target) == b"mine"


def put_link(stack, key):
    bucket = boto3.client(
        "s3",
        endpoint_url=os.environ["S3_ENDPOINT_URL"],
        aws_access_key_id=os.environ["S3_ACCESS_KEY"],
        aws_secret_access_key=os.environ["S3_SECRET_KEY"],
        region_name="us-east-1",
        config=Config(signature_version="s3v4"),
    )
    signed = bucket.generate_presigned_url("put_object", Params={"Bucket": os.environ["S3_BUCKET"], "Key": key})
    return signed.replace(os.environ["S3_ENDPOINT_URL"], f"{stack.base_url}/upload")
