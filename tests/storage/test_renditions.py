"""Thumbnails and other sizes: promised with the picture or when asked for, drawn once, gone with the picture."""

import base64
import hashlib
import io
import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from PIL import Image
from rest_framework.test import APIClient

from storage import assets, blobs, renditions
from storage.models import Asset, Blob, Rendition
from storage.serializers import asset_json
from storage.tasks import draw_renditions, sweep
from tests.factories import AssetFactory, BlobFactory
from tests.storage import pictures
from tests.storage.pictures import picture

pytestmark = pytest.mark.usefixtures("rows")


@pytest.fixture
def keep(owner, file):
    """Keep bytes as the ready output of a job."""

    def keep_output(content, *, kind="image", job_id=None, index=0):
        origin = assets.Origin(
            organization_id=owner.organization.pk, user_id=owner.pk, job_id=job_id or uuid.uuid4(), index=index
        )
        asset = assets.keep_output(origin, kind=kind, source=file(content))
        asset.status = Asset.Status.READY
        asset.save(update_fields=["status"])
        return asset

    return keep_output


@pytest.mark.parametrize(
    ("width", "variants"),
    [
        (1000, {"webp-320": (320, 200), "webp-640": (640, 400)}),
        (320, {"webp-320": (320, 200)}),
        (100, {"webp-160": (100, 62)}),
    ],
)
def test_a_picture_gets_thumbnails_and_a_placeholder(keep, api, bucket, width, variants):
    # given
    asset = keep(picture(width, width * 5 // 8))
    assert states(asset) == dict.fromkeys(variants, "promised")
    before = api.get(f"/v1/assets/{asset.pk}").json()
    assert (before["thumbnails"], before["placeholder"]) == ([], None)

    # when
    draw_renditions(str(asset.blob_id))

    # then
    after = api.get(f"/v1/assets/{asset.pk}").json()
    shown = [(one["contentType"], one["width"], one["height"]) for one in after["thumbnails"]]
    assert shown == [("image/webp", *size) for size in variants.values()]
    assert 5 <= len(base64.b64decode(after["placeholder"])) <= 25
    for row, thumbnail in zip(asset.blob.renditions.order_by("width"), after["thumbnails"], strict=True):
        content = bucket.read(row.object_key)
        assert row.object_key in thumbnail["url"]
        assert "&signature=" in thumbnail["url"]
        assert Image.open(io.BytesIO(content)).size == (thumbnail["width"], thumbnail["height"])
        assert (bytes(row.sha256), row.size_bytes) == (hashlib.sha256(content).digest(), len(content))
        assert bucket.head(row.object_key)["ContentType"] == "image/webp"


def test_nothing_of_a_photograph_s_file_is_in_its_thumbnails(keep, bucket):
    asset = keep(pictures.photograph(400, 200, orientation=6))

    renditions.draw(asset.blob_id)

    row = asset.blob.renditions.get()
    assert (row.width, row.height) == (200, 400)
    thumbnail = Image.open(io.BytesIO(bucket.read(row.object_key)))
    assert (thumbnail.size, dict(thumbnail.getexif())) == ((200, 400), {})


def test_documents_have_none(keep, api):
    asset = keep(b"{}", kind="json")

    assert states(asset) == {}
    assert_problem(api.get(f"/v1/assets/{asset.pk}/content?w=640"), "no_picture")


def test_the_same_bytes_are_drawn_once(keep):
    first = keep(picture(300, 200))
    assert renditions.draw(first.blob_id) == 1

    second = keep(picture(300, 200))

    assert second.blob_id == first.blob_id
    assert renditions.draw(second.blob_id) == 0
    assert len(asset_json(second)["thumbnails"]) == 1


def test_another_size_is_the_original_until_it_is_drawn(keep, api):
    # given
    asset, address = keep(picture(1500, 20)), "/content?w=1280&format=avif"

    # when
    first = api.get(f"/v1/assets/{asset.pk}{address}")
    again = api.get(f"/v1/assets/{asset.pk}{address}")
    renditions.draw(asset.blob_id)
    drawn = api.get(f"/v1/assets/{asset.pk}{address}")

    # then
    row = asset.blob.renditions.get(variant="avif-1280")
    assert (row.state, row.content_type, row.width) == ("ready", "image/avif", 1280)
    for response, key in ((first, asset.blob.object_key), (again, asset.blob.object_key), (drawn, row.object_key)):
        assert (response.status_code, response["Cache-Control"]) == (302, "private, no-store")
        assert key in response["Location"]
    assert "image%2Favif" in drawn["Location"]
    assert ".avif" in drawn["Location"]


def test_a_small_picture_is_drawn_no_wider_than_it_is(keep, api):
    asset = keep(picture(300, 20))
    for width in (320, 640, 2048):
        api.get(f"/v1/assets/{asset.pk}/content?w={width}")

    renditions.draw(asset.blob_id)

    assert [(row.variant, row.width) for row in asset.blob.renditions.all()] == [("webp-320", 300)]


@pytest.mark.parametrize("query", ["w=641", "w=0", "w=-1", "w=x", "w=", "format=webp", "w=640&format=png", "w=²"])
def test_what_is_not_on_the_list_is_refused_with_the_list(keep, api, query):
    asset = keep(picture(200, 20))

    response = api.get(f"/v1/assets/{asset.pk}/content?{query}")

    assert_problem(response, "unknown_rendition")
    assert response.json()["detail"] == (
        "Pictures are to be had with w=160, 320, 640, 1280 or 2048 and format=webp, avif or jpeg."
    )
    assert set(states(asset)) == {"webp-320"}


def test_outsiders_and_strangers_get_none(keep, outsider, anonymous):
    asset = keep(picture(200, 20))

    assert outsider.api.get(f"/v1/assets/{asset.pk}/content?w=1280").status_code == 404
    assert anonymous.get(f"/v1/assets/{asset.pk}/content?w=1280").status_code == 401
    assert set(states(asset)) == {"webp-320"}


def test_what_cannot_be_drawn_is_said_once_and_not_tried_again(api, organization, bucket):
    # given
    blob = BlobFactory(organization=organization, width=300)
    asset = AssetFactory(organization=organization, blob=blob)
    bucket.write(blob.object_key, picture(400, 300)[:3_000])
    api.get(f"/v1/assets/{asset.pk}/content?w=320")

    # when
    drawn = [renditions.draw(blob.pk), renditions.draw(blob.pk)]
    response = api.get(f"/v1/assets/{asset.pk}/content?w=320")

    # then
    assert drawn == [0, 0]
    assert states(asset) == {"webp-320": "failed"}
    assert blob.object_key in response["Location"]
    assert api.get(f"/v1/assets/{asset.pk}").json()["thumbnails"] == []


def test_a_bomb_is_not_drawn(organization, bucket):
    blob = BlobFactory(organization=organization, width=60_000)
    bucket.write(blob.object_key, pictures.bomb())
    renditions.promise(blob.pk, ["webp-320"])

    assert renditions.draw(blob.pk) == 0

    assert blob.renditions.get().state == "failed"


def test_a_bucket_that_is_away_costs_time_alone(keep, settings, bucket_at):
    # given
    asset = keep(picture(200, 20))
    bucket_at(1)

    # when
    assert renditions.draw(asset.blob_id) == 0

    # then
    row = asset.blob.renditions.get()
    assert row.state == "promised"
    assert row.claimed_at


def test_one_that_somebody_is_drawing_is_left_to_them(keep):
    asset = keep(picture(200, 20))
    claim(asset, ago=renditions.TAKEN_OVER_AFTER - timedelta(minutes=1))

    assert renditions.draw(asset.blob_id) == 0

    assert states(asset) == {"webp-320": "promised"}


def test_one_whose_drawer_died_is_taken_over_with_whatever_it_left(keep, bucket):
    # given
    asset = keep(picture(200, 20))
    claim(asset, ago=renditions.TAKEN_OVER_AFTER)
    row = asset.blob.renditions.get()
    bucket.write(row.object_key, b"half of it, or another encoder's")

    # when
    assert renditions.draw(asset.blob_id) == 1

    # then
    row.refresh_from_db()
    assert (row.state, row.claimed_at) == ("ready", None)
    assert hashlib.sha256(bucket.read(row.object_key)).digest() == bytes(row.sha256)


@pytest.mark.usefixtures("committed")
def test_twenty_who_ask_at_once_get_one_object(keep, owner):
    # given
    asset, drawn = keep(picture(1000, 700, seed=uuid.uuid4().int)), []
    barrier = threading.Barrier(20)

    def ask(_):
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {owner.secret}")
        barrier.wait()
        assert client.get(f"/v1/assets/{asset.pk}/content?w=1280&format=jpeg").status_code == 302
        drawn.append(renditions.draw(asset.blob_id))

    # when
    run_at_once(ask, range(20))

    # then
    assert states(asset) == {"webp-320": "ready", "webp-640": "ready", "jpeg-1280": "ready"}
    assert sum(drawn) == 3
    assert asset.blob.renditions.count() == 3


@pytest.mark.usefixtures("committed")
def test_drawing_and_deleting_at_once_leaves_nothing(keep, organization, bucket):
    # given
    keys, kept = set(), [keep(picture(700, 500, seed=uuid.uuid4().int)) for _ in range(6)]
    for asset in kept:
        renditions.promise(asset.blob_id, ["jpeg-640"])
        keys |= set(asset.blob.renditions.values_list("object_key", flat=True)) | {asset.blob.object_key}
    assert len(keys) == 24

    def draw_or_delete(number):
        if number == len(kept):
            for asset in kept:
                assert assets.delete(organization.pk, asset.pk)
                sweep()
        else:
            renditions.draw(kept[number].blob_id)

    # when
    run_at_once(draw_or_delete, range(len(kept) + 1))
    sweep()

    # then
    assert not keys & bucket.all_keys()
    assert not Blob.objects.filter(organization=organization).exists()
    assert not Rendition.objects.filter(object_key__in=keys).exists()


def test_renditions_go_with_their_picture(keep, organization, bucket):
    # given
    asset = keep(picture(300, 200))
    renditions.draw(asset.blob_id)
    keys = {asset.blob.object_key, asset.blob.renditions.get().object_key}
    assert keys <= bucket.all_keys()

    # when
    assets.delete(organization.pk, asset.pk)
    sweep()

    # then
    assert not keys & bucket.all_keys()
    assert not Blob.objects.filter(pk=asset.blob_id).exists()
    assert not Rendition.objects.filter(blob=asset.blob_id).exists()


def test_the_sweep_waits_for_whoever_is_drawing(keep, organization):
    # given
    asset = keep(picture(300, 200))
    claim(asset, ago=timedelta(seconds=10))
    assets.delete(organization.pk, asset.pk)

    # when
    sweep()

    # then
    assert states(asset) == {"webp-320": "dying"}
    assert Blob.objects.filter(pk=asset.blob_id).exists()

    # when
    claim(asset, ago=renditions.TAKEN_OVER_AFTER)
    sweep()

    # then
    assert not Blob.objects.filter(pk=asset.blob_id).exists()


def test_nothing_of_a_dying_picture_is_promised(keep, organization):
    asset = assets.find(organization.pk, keep(picture(300, 200)).pk)
    assets.delete(organization.pk, asset.pk)

    assert renditions.find(asset.blob, width="1280", format="jpeg") is None

    assert set(states(asset)) == {"webp-320"}


def test_a_promise_tried_for_a_day_in_vain_is_given_up(keep):
    # given
    tried, untried = keep(picture(200, 20, seed=1)), keep(picture(200, 20, seed=2))
    Rendition.objects.update(created_at=timezone.now() - blobs.ABANDONED_AFTER - timedelta(minutes=1))
    claim(tried, ago=timedelta(hours=1))

    # when
    sweep()

    # then
    assert states(tried) == {}
    assert states(untried) == {"webp-320": "promised"}


def test_many_assets_take_no_more_queries_than_one(keep, owner, django_assert_num_queries):
    # given
    job_ids = [uuid.uuid4() for _ in range(3)]
    for number, job_id in enumerate(job_ids):
        for index in range(2):
            asset = keep(picture(200, 20, seed=2 * number + index), job_id=job_id, index=index)
            renditions.draw(asset.blob_id)

    # when
    with django_assert_num_queries(2):
        outputs = assets.outputs_of(job_ids, seen_by=owner.pk)
        shown = [asset_json(asset) for assets_of_job in outputs.values() for asset in assets_of_job]

    # then
    assert [len(asset["thumbnails"]) for asset in shown] == [1] * 6


def states(asset):
    return dict(Rendition.objects.filter(blob=asset.blob_id).values_list("variant", "state"))


def claim(asset, *, ago):
    Rendition.objects.filter(blob=asset.blob_id).update(claimed_at=timezone.now() - ago)


def run_at_once(function, arguments):
    errors = []

    def guarded(argument):
        try:
            function(argument)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=guarded, args=(argument,)) for argument in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def assert_problem(response, code):
    assert (response.status_code, response.json()["code"]) == (422, code)
