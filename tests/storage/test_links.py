"""Links by each signer: what they open, for how long, and that nothing in them can be changed."""

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

import httpx2
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from core import clock
from storage import delivery
from storage.checks import check_delivery
from storage.exceptions import LinkRefused
from storage.models import Asset, Rendition
from tests.factories import AssetFactory
from tests.storage import readings
from tests.storage.readings import stored

CDN = "https://cdn.example.com"
CONTENT = b"bytes"
KEY = "blobs/2b6a3c1e-7c56-4f5e-9d62-0c7d4ad3b8a1"
HOUR = timedelta(hours=1)


@pytest.fixture
def edge(settings):
    settings.DELIVERY_SIGNER = "edge"
    settings.CDN_BASE_URL = CDN
    settings.DELIVERY_SECRETS = ["first-secret", "second-secret"]


@pytest.fixture
def cloudfront(settings):
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    settings.DELIVERY_SIGNER = "cloudfront"
    settings.CDN_BASE_URL = CDN
    settings.CLOUDFRONT_KEY_ID = "K2JCJMDEHXQW5F"
    settings.CLOUDFRONT_PRIVATE_KEY = pem(key)
    return key.public_key()


def test_an_edge_link_gives_what_it_says(edge):
    # given
    until = datetime.now(UTC) + HOUR

    # when
    url = link(until=until, filename="größe & co.png")
    grant = delivery.opened(url.removeprefix(CDN))

    # then
    assert url.startswith(f"{CDN}/o/{KEY}?")
    assert (grant.key, grant.content_type, grant.size_bytes) == (KEY, "image/png", len(CONTENT))
    assert grant.disposition == "inline; filename*=utf-8''gr%C3%B6%C3%9Fe%20%26%20co.png"
    assert grant.sha256.hex() == "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9"
    assert timedelta() <= until - grant.until < timedelta(seconds=1)


@pytest.mark.parametrize("name", ["type", "name", "size", "digest", "until", "signature"])
def test_no_part_of_an_edge_link_can_be_changed_left_out_or_said_twice(edge, name):
    # given
    path, _, query = link().removeprefix(CDN).partition("?")
    told = parse_qsl(query)

    # when
    changed = [(n, v[:-1] + ("0" if v[-1] != "0" else "1")) if n == name else (n, v) for n, v in told]
    dropped = [(n, v) for n, v in told if n != name]
    twice = [(name, "1"), *told]
    moved = [*dropped, *((n, v) for n, v in told if n == name)] if name != "signature" else [told[-1], *told[:-1]]

    # then
    for wrong in (changed, dropped, twice, [*told, (name, "1")], moved):
        refused(f"{path}?{urlencode(wrong, quote_via=quote, safe='')}")


def test_an_edge_link_opens_its_own_object_alone(edge):
    uri = link().removeprefix(CDN)
    signature = uri.rpartition("=")[2]

    refused(uri.replace("/o/blobs", "/o/blob"))
    refused(uri.replace("/o/", "/o//"))
    refused(uri.replace("/o/blobs/", "/o/blobs%2F"))
    refused(uri.replace(KEY[-4:], "0000"))
    refused(uri + "&more=1")
    refused(uri + "#x")
    refused(uri.upper())
    refused(uri.partition("?")[0])
    refused(f"/o/{KEY}?signature={signature}")
    refused(f"&signature={signature}")
    refused("")


def test_an_edge_link_ends_at_its_second(edge, monkeypatch):
    # given
    until = datetime.now(UTC).replace(microsecond=0) + HOUR
    uri = link(until=until).removeprefix(CDN)

    # when
    monkeypatch.setattr(clock, "now", lambda: until - timedelta(milliseconds=1))
    assert delivery.opened(uri).until == until

    # then
    monkeypatch.setattr(clock, "now", lambda: until)
    refused(uri)


def test_the_first_secret_signs_and_each_is_good_for_reading(edge, settings):
    uri = link().removeprefix(CDN)

    settings.DELIVERY_SECRETS = ["third-secret", "first-secret"]
    assert delivery.opened(uri).key == KEY
    newer = link().removeprefix(CDN)

    settings.DELIVERY_SECRETS = ["third-secret"]
    refused(uri)
    assert delivery.opened(newer).key == KEY


def test_a_public_object_is_open_by_its_name_while_its_row_says_so(edge, rows):
    # given
    row = readings.published(CONTENT, content_type="image/webp")
    uri = delivery.public_link(row.object_key).removeprefix(CDN)
    assert uri == f"/o/{row.object_key}"

    # when
    grant = delivery.opened(uri + "?v=2")

    # then
    assert (grant.key, grant.content_type, grant.disposition) == (row.object_key, "image/webp", "inline")
    assert (grant.size_bytes, grant.until) == (len(CONTENT), None)
    for wrong in (uri + "/", uri + "x", uri.replace("public/", "public//"), "/o/public/", f"/o/public/../{KEY}"):
        refused(wrong)
    Rendition.objects.filter(pk=row.pk).update(state=Rendition.State.DYING)
    refused(uri)


def test_a_public_object_of_a_kind_that_runs_is_a_download(edge, rows):
    row = readings.published(b"<svg/>", content_type="image/svg+xml")

    assert delivery.opened(f"/o/{row.object_key}").disposition == "attachment"


@pytest.mark.parametrize(
    ("signer", "address"),
    [("edge", f"{CDN}/o/public/cat"), ("cloudfront", f"{CDN}/public/cat"), ("s3", f"{CDN}/public/cat")],
)
def test_a_public_address_is_not_signed(cloudfront, settings, signer, address):
    settings.DELIVERY_SIGNER = signer

    assert delivery.public_link("public/cat") == address


def test_cloudfront_takes_what_the_key_signed(cloudfront):
    # given
    until = datetime.now(UTC) + HOUR

    # when
    url = link(until=until, content_type="image/svg+xml", filename="a b.svg")

    # then
    resource, _, rest = url.partition("&Expires=")
    expires, *_ = rest.partition("&")
    told = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert resource.startswith(f"{CDN}/{KEY}?")
    assert told["response-content-type"] == "image/svg+xml"
    assert told["response-content-disposition"] == 'attachment; filename="a b.svg"'
    assert told["response-cache-control"] == "private"
    assert told["Key-Pair-Id"] == "K2JCJMDEHXQW5F"
    assert int(expires) == int(until.timestamp())
    verify(cloudfront, resource, int(expires), told["Signature"])
    for wrong in (resource.replace(KEY[-4:], "0000"), resource.replace("attachment", "inline")):
        with pytest.raises(InvalidSignature):
            verify(cloudfront, wrong, int(expires), told["Signature"])
    with pytest.raises(InvalidSignature):
        verify(cloudfront, resource, int(expires) + 1, told["Signature"])


def test_the_bucket_takes_what_it_signed_itself(settings):
    """The signer where no CDN is named: the link leads to the bucket, which says what we said."""
    # given
    settings.DELIVERY_SIGNER, settings.CDN_BASE_URL = "s3", ""
    until = datetime.now(UTC) + HOUR
    key = stored(CONTENT)

    # when
    url = readings.link(key, CONTENT, content_type="text/html", filename="a.html", until=until)
    answer = httpx2.get(url)

    # then
    assert answer.content == CONTENT
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="a.html"'
    assert answer.headers["Cache-Control"] == "private"
    assert httpx2.get(url.partition("?")[0]).status_code == 403
    assert httpx2.get(url.replace(key[-4:], "0000")).status_code == 403
    assert httpx2.get(url.replace("attachment", "inline")).status_code == 403


def test_the_buckets_own_links_may_pass_through_the_cdn(settings):
    settings.DELIVERY_SIGNER, settings.CDN_BASE_URL = "s3", CDN

    assert link().startswith(f"{CDN}/{settings.S3_BUCKET}/{KEY}?")
    assert "X-Amz-Signature=" in link()


@pytest.mark.parametrize("signer", sorted(delivery.SIGNERS))
def test_every_signer_gives_the_api_its_links(signer, cloudfront, settings, api, organization):
    # given
    settings.DELIVERY_SIGNER = signer
    asset = AssetFactory(organization=organization, kind=Asset.Kind.IMAGE)

    # when
    answer = api.get(f"/v1/assets/{asset.pk}")

    # then
    assert answer.json()["url"].startswith(f"{CDN}/")
    assert asset.blob.object_key in answer.json()["url"]
    assert answer["Cache-Control"] == "private, no-store"
    assert {"Authorization", "Cookie"} <= set(answer["Vary"].split(", "))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"DELIVERY_SIGNER": "nobody"}, "storage.E010"),
        ({"DELIVERY_SIGNER": "edge", "CDN_BASE_URL": ""}, "storage.E011"),
        ({"CLOUDFRONT_PRIVATE_KEY": "no key"}, "storage.E012"),
        ({"CLOUDFRONT_PRIVATE_KEY": "elliptic"}, "storage.E012"),
        ({"CLOUDFRONT_KEY_ID": ""}, "storage.E013"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_told(cloudfront, settings, wrong, code):
    for name, value in wrong.items():
        setattr(settings, name, pem(ec.generate_private_key(ec.SECP256R1())) if value == "elliptic" else value)

    assert [error.id for error in check_delivery(None)] == [code]


def test_settings_that_work_are_not(cloudfront):
    assert check_delivery(None) == []


def link(key=KEY, *, until=None, **told):
    return readings.link(key, CONTENT, until=until or datetime.now(UTC) + HOUR, **told)


def refused(uri):
    with pytest.raises(LinkRefused):
        delivery.opened(uri)


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def verify(public_key, resource, expires, signature):
    """As CloudFront does for a canned policy."""
    policy = {"Statement": [{"Resource": resource, "Condition": {"DateLessThan": {"AWS:EpochTime": expires}}}]}
    raw = base64.b64decode(signature.translate(str.maketrans("-_~", "+=/")))
    public_key.verify(raw, json.dumps(policy, separators=(",", ":")).encode(), PKCS1v15(), hashes.SHA1())
