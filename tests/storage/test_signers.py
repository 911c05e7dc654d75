"""Links as they are signed: by us for the edge, for the bucket, for CloudFront."""

import base64
import hashlib
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from core import clock
from storage import delivery

SHA256 = hashlib.sha256(b"x").digest()


def link(key="blobs/one", *, content_type="image/png", filename="cat.png", seconds=60):
    until = clock.now() + timedelta(seconds=seconds)
    return delivery.link(key, content_type=content_type, filename=filename, sha256=SHA256, until=until)


def uri(url):
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def test_a_link_of_ours_grants_what_it_says(settings):
    grant = delivery.grant(uri(link()))

    assert grant.origin_path.startswith(f"/{settings.S3_BUCKET}/blobs/one?X-Amz-")
    assert (grant.content_type, grant.disposition) == ("image/png", 'inline; filename="cat.png"')
    assert grant.repr_digest == f"sha-256=:{base64.b64encode(SHA256).decode()}:"
    assert grant.cache_control in {f"private, max-age={seconds}, immutable" for seconds in (58, 59, 60)}
    assert grant.until <= clock.now() + timedelta(seconds=60)


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("blobs/one", "blobs/two"),
        lambda url: url.replace("image%2Fpng", "text%2Fhtml"),
        lambda url: url.replace("inline", "attachment"),
        lambda url: url.replace("digest=2d", "digest=3d"),
        lambda url: url.replace("until=1", "until=2"),
        lambda url: url + "&until=9999999999",
        lambda url: url.replace("?", "?until=9999999999&"),
        lambda url: url + "&signature=" + url.rpartition("=")[2],
        lambda url: url[:-1],
        lambda url: url.rpartition("&")[0],
        lambda url: url.partition("?")[0],
        lambda url: url.replace("/o/", "/o/../"),
        lambda url: url + "é",
        lambda url: "",
    ],
)
def test_a_link_that_was_changed_grants_nothing(change):
    url = link()
    changed = change(url)

    assert changed != url
    assert delivery.grant(uri(changed)) is None


def test_a_link_that_has_ended_grants_nothing():
    assert delivery.grant(uri(link(seconds=-1))) is None


def test_secrets_are_changed_without_breaking_links(settings):
    settings.DELIVERY_SECRETS = ["old"]
    signed_by_old = uri(link())
    settings.DELIVERY_SECRETS = ["new", "old"]
    assert delivery.grant(signed_by_old)
    signed_by_new = uri(link())
    settings.DELIVERY_SECRETS = ["new"]

    assert delivery.grant(signed_by_old) is None
    assert delivery.grant(signed_by_new)


@pytest.mark.parametrize(
    ("content_type", "disposition"),
    [
        ("image/webp", "inline"),
        ("audio/ogg", "inline"),
        ("image/svg+xml", "attachment"),
        ("text/html", "attachment"),
        ("application/json", "attachment"),
        ("text/plain; charset=utf-8", "attachment"),
    ],
)
@pytest.mark.parametrize("signer", ["edge", "s3"])
def test_what_a_browser_could_run_is_only_downloaded(settings, signer, content_type, disposition):
    settings.DELIVERY_SIGNER = signer

    told = parse_qs(urlsplit(link(content_type=content_type, filename='a"\r\nSet-Cookie: x')).query)

    given = told["disposition" if signer == "edge" else "response-content-disposition"][0]
    assert given.partition(";")[0] == disposition
    assert not set(given) & set("\r\n")


def test_cloudfront_takes_our_signature(settings):
    # given
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    settings.DELIVERY_SIGNER = "cloudfront"
    settings.CDN_BASE_URL = "https://d1.cloudfront.example"
    settings.CLOUDFRONT_KEY_ID = "K1"
    settings.CLOUDFRONT_PRIVATE_KEY = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()

    # when
    url = link(content_type="image/svg+xml")

    # then
    resource, _, _ = url.partition("&Expires=")
    told = parse_qs(urlsplit(url).query)
    assert resource.startswith("https://d1.cloudfront.example/blobs/one?response-content-type=image%2Fsvg%2Bxml")
    assert told["response-content-disposition"][0].startswith("attachment")
    assert told["Key-Pair-Id"] == ["K1"]
    ends_at = int(told["Expires"][0])
    assert 50 <= ends_at - clock.now().timestamp() <= 60
    policy = (
        f'{{"Statement":[{{"Resource":"{resource}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{ends_at}}}}}}}]}}'
    )
    signature = base64.b64decode(told["Signature"][0].translate(str.maketrans("-_~", "+=/")))
    key.public_key().verify(signature, policy.encode(), padding.PKCS1v15(), hashes.SHA1())
