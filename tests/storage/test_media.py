"""Thumbnails and public copies as a client meets them: rung for, drawn by `media`, read through the edge."""

import io
import time
from datetime import timedelta

import httpx2
import pytest
from django.utils import timezone
from PIL import Image

from storage import publishing, renditions
from storage.models import Asset, Rendition
from tests.storage.pictures import photograph, picture


@pytest.fixture
def client(stack, owner):
    headers = {"Authorization": f"Bearer {owner.secret}"}
    with httpx2.Client(base_url=stack.base_url, headers=headers, timeout=30) as client:
        yield client


def test_an_upload_has_thumbnails_in_a_moment(client):
    # given
    asset = client.post("/v1/assets", files={"file": photograph(1200, 800, orientation=8)}).json()

    # when
    shown = until(lambda: with_thumbnails(client.get(f"/v1/assets/{asset['id']}").json()))

    # then
    assert [(one["width"], one["height"]) for one in shown["thumbnails"]] == [(320, 480), (640, 960)]
    assert shown["placeholder"]
    for thumbnail in shown["thumbnails"]:
        response = httpx2.get(thumbnail["url"])
        assert (response.status_code, response.headers["Content-Type"]) == (200, "image/webp")
        picture = Image.open(io.BytesIO(response.content))
        assert (picture.size, dict(picture.getexif())) == ((thumbnail["width"], thumbnail["height"]), {})


def test_a_result_has_thumbnails_in_a_moment(client, funded):
    # given
    order = {"prompt": "a lighthouse", "width": 512, "height": 512, "sandbox": {"latencySeconds": 0}}
    body = {"operation": "generate", "model": "sandbox/v1", "input": order}

    # when
    job = client.post("/v1/jobs", json=body, headers={"Prefer": "wait=30"}).json()

    # then
    def output():
        return with_thumbnails(client.get(f"/v1/jobs/{job['jobId']}").json()["output"]["assets"][0])

    assert [one["width"] for one in until(output)["thumbnails"]] == [320, 512]


def test_an_address_of_another_size_shows_the_original_and_then_that_size(client):
    # given
    asset = client.post("/v1/assets", files={"file": picture(1500, 100)}).json()
    address = f"/v1/assets/{asset['id']}/content?w=1280&format=jpeg"

    # when
    first = client.get(address, follow_redirects=True)
    until(lambda: Rendition.objects.filter(blob__assets=asset["id"], variant="jpeg-1280", state="ready").exists())
    second = client.get(address, follow_redirects=True)

    # then
    assert (first.headers["Content-Type"], second.headers["Content-Type"]) == ("image/png", "image/jpeg")
    assert Image.open(io.BytesIO(second.content)).width == 1280


def test_a_lost_ring_is_made_up_for_by_the_sweep(client):
    # given
    asset_id = client.post("/v1/assets", files={"file": picture(300, 200)}).json()["id"]
    blob_id = Asset.objects.get(pk=asset_id).blob_id
    renditions.promise(blob_id, ["avif-160"])
    lost = Rendition.objects.filter(blob=blob_id, variant="avif-160")
    lost.filter(state="promised").update(created_at=timezone.now() - renditions.RUNG_AGAIN_AFTER - timedelta(minutes=1))

    # when
    renditions.sweep()

    # then
    until(lambda: lost.get().state == "ready")


def test_a_public_picture_gets_its_copy_in_a_moment(client):
    # given
    asset_id = client.post("/v1/assets", files={"file": photograph()}).json()["id"]

    # when
    changed = client.patch(f"/v1/assets/{asset_id}", json={"public": True})

    # then
    assert (changed.status_code, changed.json()["public"]) == (200, True)
    until(lambda: client.get(f"/v1/assets/{asset_id}").json()["publicUrl"])
    assert publishing.public_url(Asset.objects.get(pk=asset_id))


def with_thumbnails(asset):
    return asset if len(asset["thumbnails"]) == 2 else None


def until(condition, seconds=30):
    """Wait for another process to bring it about."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.05)
    return found
