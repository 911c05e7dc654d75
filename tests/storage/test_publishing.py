"""Public pictures: a copy without metadata at an address without a signature, for as long as an asset says so."""

import io
import re
import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone
from PIL import Image

from core.exceptions import NotFound
from storage import assets, publishing, renditions
from storage.models import Asset, Blob, Rendition
from storage.tasks import sweep
from tests.factories import AssetFactory, BlobFactory
from tests.storage.pictures import photograph, picture

pytestmark = pytest.mark.usefixtures("rows")


@pytest.fixture
def asset(organization, bucket):
    """A photograph that was taken somewhere, whose bytes are in the bucket."""
    return stored(organization, bucket)


def test_a_public_picture_has_an_address_without_a_signature_once_it_is_drawn(api, asset, bucket, settings):
    # when
    before = change(api, asset, public=True)
    renditions.draw(asset.blob_id)
    after = api.get(f"/v1/assets/{asset.pk}").json()

    # then
    assert (before["public"], before["publicUrl"]) == (True, None)
    copy = asset.blob.renditions.get(variant="public")
    assert copy.object_key.startswith("public/")
    assert (after["public"], after["publicUrl"]) == (True, f"{settings.CDN_BASE_URL}/o/{copy.object_key}")
    assert (copy.content_type, copy.width, copy.height) == ("image/jpeg", 20, 40)


def test_the_public_copy_says_nothing_of_where_it_was_taken(api, asset, bucket):
    change(api, asset, public=True)
    renditions.draw(asset.blob_id)

    original = Image.open(io.BytesIO(bucket.read(asset.blob.object_key)))
    copy = Image.open(io.BytesIO(bucket.read(asset.blob.renditions.get(variant="public").object_key)))

    assert original.getexif().get_ifd(0x8825)
    assert not copy.getexif()
    assert (copy.format, copy.size) == ("JPEG", (20, 40))


def test_saying_it_twice_changes_nothing(api, asset):
    change(api, asset, public=True)
    renditions.draw(asset.blob_id)
    first = api.get(f"/v1/assets/{asset.pk}").json()["publicUrl"]

    assert change(api, asset, public=True)["publicUrl"] == first
    assert change(api, asset, public=False)["public"] is False
    assert change(api, asset, public=False)["publicUrl"] is None


def test_a_body_that_does_not_name_it_leaves_it(api, asset):
    change(api, asset, public=True)

    assert change(api, asset)["public"] is True


@pytest.mark.parametrize("body", [{"public": None}, {"public": "yes"}, {"publik": True}, [], {"public": 1}])
def test_a_body_that_says_nothing_sensible_is_refused(api, asset, body):
    response = api.patch(f"/v1/assets/{asset.pk}", body, format="json")

    assert (response.status_code, response.json()["code"]) == (422, "invalid_change")
    assert not Asset.objects.get(pk=asset.pk).is_public


def test_only_pictures_can_be_public(api, organization):
    document = AssetFactory(organization=organization, kind="json")

    response = api.patch(f"/v1/assets/{document.pk}", {"public": True}, format="json")

    assert (response.status_code, response.json()["code"]) == (422, "not_publishable")
    assert not Asset.objects.get(pk=document.pk).is_public
    assert not Rendition.objects.filter(blob=document.blob_id).exists()


def test_a_picture_that_cannot_be_copied_cannot_be_public(api, organization, bucket):
    # given
    broken = stored(organization, bucket, picture(200, 200)[:5_000])
    change(api, broken, public=True)
    renditions.draw(broken.blob_id)
    assert api.get(f"/v1/assets/{broken.pk}").json()["publicUrl"] is None

    # when
    response = api.patch(f"/v1/assets/{broken.pk}", {"public": True}, format="json")

    # then
    assert (response.status_code, response.json()["code"]) == (422, "not_publishable")
    assert change(api, broken, public=False)["public"] is False
    assert set(Rendition.objects.filter(blob=broken.blob_id).values_list("state", flat=True)) == {"dying"}


def test_outsiders_change_nothing(asset, outsider, anonymous):
    assert outsider.api.patch(f"/v1/assets/{asset.pk}", {"public": True}, format="json").status_code == 404
    assert anonymous.patch(f"/v1/assets/{asset.pk}", {"public": True}, format="json").status_code == 401
    assert not Asset.objects.get(pk=asset.pk).is_public


@pytest.mark.parametrize("state", [{"status": "pending"}, {"expires_at": timezone.now()}], ids=["pending", "expired"])
def test_what_cannot_be_read_cannot_be_made_public(api, asset, state):
    Asset.objects.filter(pk=asset.pk).update(**state)

    assert api.patch(f"/v1/assets/{asset.pk}", {"public": True}, format="json").status_code == 404
    with pytest.raises(NotFound):
        publishing.publish(asset)
    assert not Asset.objects.get(pk=asset.pk).is_public


def test_a_picture_that_is_private_again_is_gone_and_comes_back_elsewhere(api, asset, bucket):
    # given
    first = shown_at(api, asset)

    # when
    change(api, asset, public=False)
    sweep()

    # then
    assert bucket.read(key(first)) is None
    assert bucket.read(asset.blob.object_key)
    again = shown_at(api, asset)
    assert again != first
    assert bucket.read(key(again))


def test_a_picture_that_is_private_again_before_it_was_drawn_never_appears(api, asset, bucket):
    change(api, asset, public=True)
    copy = asset.blob.renditions.get(variant="public")

    change(api, asset, public=False)
    renditions.draw(asset.blob_id)
    sweep()

    assert bucket.read(copy.object_key) is None
    assert not Rendition.objects.filter(pk=copy.pk).exists()


@pytest.mark.parametrize("end", ["deleted", "expired"])
def test_a_public_picture_ends_with_its_asset(api, organization, asset, bucket, end):
    # given
    if end == "expired":
        Asset.objects.filter(pk=asset.pk).update(expires_at=timezone.now() + timedelta(hours=1))
    another = AssetFactory(organization=organization, blob=asset.blob)
    Blob.objects.filter(pk=asset.blob_id).update(references=2)
    url = shown_at(api, asset)

    # when
    if end == "deleted":
        assets.delete(organization.pk, asset.pk)
    else:
        Asset.objects.filter(pk=asset.pk).update(expires_at=timezone.now())
    sweep()

    # then
    assert bucket.read(key(url)) is None
    body = api.get(f"/v1/assets/{another.pk}").json()
    assert (body["public"], body["publicUrl"]) == (False, None)
    assert bucket.read(asset.blob.object_key)


def test_nobody_sees_what_has_expired_and_is_on_legal_hold(api, asset, bucket):
    # given
    url = shown_at(api, asset)

    # when
    Asset.objects.filter(pk=asset.pk).update(expires_at=timezone.now(), legal_hold=True)
    sweep()

    # then
    assert bucket.read(key(url)) is None
    assert bucket.read(asset.blob.object_key)
    asset.refresh_from_db()
    assert (asset.is_public, asset.legal_hold, asset.deleted_at) == (False, True, None)


def test_an_expired_picture_is_refused_before_it_is_swept(api, asset):
    # given
    url = shown_at(api, asset)
    assert asked_by_edge(url).status_code == 204

    # when
    Asset.objects.filter(pk=asset.pk).update(expires_at=timezone.now())

    # then
    assert asked_by_edge(url).status_code == 403


@pytest.mark.parametrize(
    ("left", "age", "kept"),
    [
        (None, 31_536_000, "60"),
        (timedelta(days=900), 31_536_000, "60"),
        (timedelta(minutes=10), 540, "60"),
        (timedelta(seconds=30), 0, "@"),
    ],
    ids=str,
)
def test_no_cache_keeps_a_copy_longer_than_the_asset(api, asset, left, age, kept):
    # given
    url = shown_at(api, asset)
    Asset.objects.filter(pk=asset.pk).update(expires_at=timezone.now() + left if left else None)

    # when
    answer = asked_by_edge(url)

    # then
    words = re.fullmatch(r"public, max-age=(\d+), immutable", answer["X-Cache-Control"])
    assert age - 5 <= int(words[1]) <= age
    assert answer["X-Accel-Expires"].startswith(kept)
    # The bucket takes no link of more than a week.
    assert int(re.search(r"X-Amz-Expires=(\d+)", answer["X-Origin-Path"])[1]) <= 3_600


def test_a_copy_that_is_kept_lasts_as_long_as_the_last_that_shows_it(api, organization, asset):
    # given
    url = shown_at(api, asset)
    AssetFactory(organization=organization, blob=asset.blob, is_public=True)
    Blob.objects.filter(pk=asset.blob_id).update(references=2)

    # when
    Asset.objects.filter(pk=asset.pk).update(expires_at=timezone.now())

    # then
    assert asked_by_edge(url)["X-Cache-Control"] == "public, max-age=31536000, immutable"


def test_what_cannot_be_public_is_not_noted_on_either(api, organization):
    document = AssetFactory(organization=organization, kind="json")

    response = api.patch(f"/v1/assets/{document.pk}", {"public": True, "tags": ["sea"]}, format="json")

    document.refresh_from_db()
    assert (response.status_code, document.tags) == (422, [])


def test_the_copy_stays_while_another_asset_of_the_same_bytes_is_public(api, organization, asset, bucket):
    # given
    another = AssetFactory(organization=organization, blob=asset.blob)
    Blob.objects.filter(pk=asset.blob_id).update(references=2)
    url = shown_at(api, asset)
    assert change(api, another, public=True)["publicUrl"] == url

    # when
    assets.delete(organization.pk, asset.pk)
    sweep()

    # then
    assert bucket.read(key(url))
    assert api.get(f"/v1/assets/{another.pk}").json()["publicUrl"] == url


@pytest.mark.usefixtures("committed")
def test_whatever_comes_at_once_a_public_asset_has_its_copy(organization, bucket):
    # given
    first = stored(organization, bucket)
    second = AssetFactory(organization=organization, blob=first.blob)
    Blob.objects.filter(pk=first.blob_id).update(references=2)
    errors = []

    def turn(asset, steps):
        try:
            for step in steps:
                step(asset)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    # when
    for _ in range(10):
        publishing.publish(first)
        threads = [
            threading.Thread(target=turn, args=(first, [publishing.unpublish])),
            threading.Thread(target=turn, args=(second, [publishing.publish])),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # then
        assert not errors
        live = Rendition.objects.filter(blob=first.blob_id, variant="public").exclude(state="dying")
        assert live.count() == 1
        publishing.unpublish(second)
        assert not live.exists()


def stored(organization, bucket, content=None):
    blob = BlobFactory(organization=organization, content_type="image/jpeg", width=20, height=40)
    bucket.write(blob.object_key, content or photograph(40, 20, orientation=6))
    return AssetFactory(organization=organization, blob=blob)


def change(api, asset, **body):
    response = api.patch(f"/v1/assets/{asset.pk}", body, format="json")
    assert response.status_code == 200, response.json()
    return response.json()


def shown_at(api, asset):
    """Make it public, draw the copy, and return its address."""
    change(api, asset, public=True)
    renditions.draw(asset.blob_id)
    url = api.get(f"/v1/assets/{asset.pk}").json()["publicUrl"]
    assert url
    return url


def asked_by_edge(url):
    """What an edge hears from web about a public address."""
    return Client().get("/edge/authorize", headers={"X-Original-URI": f"/o/{key(url)}"})


def key(url):
    return url.partition("/o/")[2]
