"""Uploads and links through the real edge, `live`, and bucket: as a browser meets them."""

import hashlib
import http.client
import time
from base64 import b64encode
from contextlib import closing
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from storage import blobs
from storage.models import Asset
from tests.storage.pictures import picture

MIB = 1024**2


@pytest.fixture
def client(stack, owner):
    headers = {"Authorization": f"Bearer {owner.secret}"}
    with httpx2.Client(base_url=stack.base_url, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
def asset(client):
    response = client.post("/v1/assets", files={"file": ("größe.html", CONTENT, "text/html")})
    assert response.status_code == 201, response.text
    return response.json()


CONTENT = picture(300, 200)


def test_a_link_delivers_the_bytes_and_what_a_browser_must_know(asset):
    response = httpx2.get(asset["url"])

    assert response.status_code == 200
    assert response.content == CONTENT
    headers = response.headers
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Length"] == str(len(CONTENT))
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["ETag"] == f'"{asset["sha256"]}"'
    assert headers["Repr-Digest"] == f"sha-256=:{b64encode(bytes.fromhex(asset['sha256'])).decode()}:"
    assert headers["Content-Disposition"] == "inline; filename*=utf-8''gr%C3%B6%C3%9Fe.png"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    told = {name.lower() for name, _ in headers.multi_items()}
    assert not told & {"set-cookie", "server", "last-modified", "x-origin-path", "x-object-key"}
    assert not [name for name in told if name.startswith("x-amz")]
    assert len(told) == len(headers.multi_items())


def test_no_cache_keeps_a_copy_longer_than_the_link(asset):
    response = httpx2.get(asset["url"])

    assert response.headers["Cache-Control"] == "private"
    until = datetime.fromisoformat(asset["urlExpiresAt"])
    assert timedelta() <= until - parsedate_to_datetime(response.headers["Expires"]) < timedelta(seconds=1)


def test_the_content_address_leads_there(client, asset):
    response = client.get(f"/v1/assets/{asset['id']}/content", follow_redirects=False)

    assert response.status_code == 302
    assert httpx2.get(response.headers["Location"]).content == CONTENT


def test_a_body_of_unknown_length_is_taken(client):
    response = client.post(
        "/v1/assets", content=iter([CONTENT[:1_000], CONTENT[1_000:]]), headers={"Content-Type": "image/png"}
    )

    assert response.status_code == 201
    assert response.json()["sha256"] == hashlib.sha256(CONTENT).hexdigest()


def test_a_large_upload_leaves_live_as_small_as_it_was(client, stack, bucket, owner):
    """39 MiB through a form and a multipart put."""
    # given
    content = picture(3_700, 3_700, compress_level=0)
    assert len(content) > 39 * MIB
    client.post("/v1/assets", files={"file": CONTENT})
    before = _resident_bytes(stack.processes["live"])

    # when
    response = client.post("/v1/assets", files={"file": ("large.png", content)})

    # then
    assert response.status_code == 201, response.text
    assert _peak_bytes(stack.processes["live"]) - before < 24 * MIB
    blob = Asset.objects.get(pk=response.json()["id"]).blob
    assert hashlib.sha256(bucket.read(blob.object_key)).hexdigest() == response.json()["sha256"]
    assert bucket.open_multiparts() == []


def test_a_stranger_is_refused_before_the_body_is_read(stack):
    """Asked of `live` itself, and most of the body never comes: an answer shows that nobody waited for it."""
    # given
    port = int(stack.processes["live"].env["PORT"])
    connection = _begin(port, {"Content-Length": str(50 * MIB)})
    connection.send(b"x" * 64 * 1024)

    # when
    with closing(connection), connection.getresponse() as response:
        # then
        assert response.status == 401


def test_an_upload_that_is_broken_off_leaves_nothing(stack, owner, bucket):
    # given
    keys = bucket.keys()
    headers = {"Authorization": f"Bearer {owner.secret}", "Content-Type": "image/png", "Content-Length": str(MIB)}
    connection = _begin(urlsplit(stack.base_url).port, headers)
    connection.send(CONTENT[:5_000])
    time.sleep(0.5)

    # when
    connection.close()
    time.sleep(1)

    # then
    assert not Asset.objects.filter(organization=owner.organization).exists()
    assert bucket.keys() == keys


def test_a_deleted_asset_leaves_the_bucket(client, asset):
    assert client.delete(f"/v1/assets/{asset['id']}").status_code == 204

    blobs.sweep()

    response = httpx2.get(asset["url"])
    assert response.status_code == 404, response.text


def _begin(port, headers):
    """An upload's head, sent; the body is the test's to send or not."""
    connection = http.client.HTTPConnection("localhost", port, timeout=20)
    connection.putrequest("POST", "/v1/assets")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection


def _resident_bytes(process):
    return _status(process)["VmRSS"]


def _peak_bytes(process):
    return _status(process)["VmHWM"]


def _status(process):
    lines = Path(f"/proc/{process.popen.pid}/status").read_text().splitlines()
    return {
        name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines) if "kB" in rest
    }
