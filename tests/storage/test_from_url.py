"""Assets brought from an address on the web."""

import hashlib

import pytest

from storage.models import Asset, Blob
from tests.storage.pictures import picture

CONTENT = picture(64, 48)


@pytest.fixture
def web(web_of):
    return web_of(
        {
            "/my%20cat.png?size=large": (200, CONTENT, len(CONTENT)),
            "/page": (200, b"<html></html>", 13),
            "/moved": (302, b"", 0),
            "/missing": (404, b"", 0),
            "/short": (200, CONTENT[:100], len(CONTENT)),
        }
    )


def test_bytes_are_brought_and_kept(api, web, bucket, owner):
    response = bring(api, f"{web.base_url}/my%20cat.png?size=large")

    asset = response.json()
    assert (response.status_code, asset["kind"], asset["width"]) == (201, "image", 64)
    assert (asset["filename"], asset["sha256"]) == ("my cat.png", hashlib.sha256(CONTENT).hexdigest())
    row = Asset.objects.get(pk=asset["id"])
    assert (row.user_id, bucket.read(row.blob.object_key)) == (owner.pk, CONTENT)


def test_a_key_brings_once(api, web, organization):
    url = f"{web.base_url}/my%20cat.png?size=large"
    first = bring(api, url, key="k")
    second = bring(api, url, key="k")

    assert second["Idempotency-Replayed"] == "true"
    assert (second.json()["id"], len(web.asked)) == (first.json()["id"], 1)
    assert bring(api, f"{web.base_url}/page", key="k").status_code == 422
    assert Asset.objects.filter(organization=organization).count() == 1


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/page", "unsupported_kind"),
        ("/moved", "fetch_failed"),
        ("/missing", "fetch_failed"),
        ("/short", "fetch_failed"),
    ],
)
def test_what_is_of_no_use_is_refused_and_leaves_nothing(api, web, organization, path, code):
    response = bring(api, web.base_url + path)

    assert (response.status_code, response.json()["code"]) == (422, code)
    assert not Blob.objects.filter(organization=organization).exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "https://169.254.169.254/latest",
        "https://localhost/",
        "file:///etc/passwd",
        "https://2130706433/",
    ],
)
def test_nothing_inside_can_be_asked_for(api, url):
    response = bring(api, url)

    assert (response.status_code, response.json()["code"]) == (422, "address_refused")


@pytest.mark.parametrize("body", [{}, {"fromUrl": 1}, {"fromUrl": "https://a.com/", "more": 1}, [], "x"])
def test_a_body_that_names_no_source_is_refused(api, body):
    response = api.post("/v1/assets", body, format="json")

    assert (response.status_code, response.json()["code"]) == (422, "invalid_source")


def bring(client, url, *, key=None):
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/v1/assets", {"fromUrl": url}, format="json", headers=headers)
