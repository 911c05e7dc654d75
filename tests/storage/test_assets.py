"""Outputs and their bytes: stored once, named by whoever has them, gone with the last name."""

import hashlib
import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone

from storage import assets, blobs
from storage.exceptions import AssetNotFound, AssetNotReady, ContentRefused, WrongAssetKind
from storage.models import Asset, Blob
from storage.tasks import sweep
from tests.factories import AssetFactory, BlobFactory, EntitlementFactory
from tests.storage.pictures import picture

pytestmark = pytest.mark.usefixtures("rows")


@pytest.fixture
def keep(owner, file):
    """Keep bytes as an output of a job of the organization."""

    def keep_output(content, *, job_id=None, index=0, kind="image", user=owner):
        origin = assets.Origin(
            organization_id=user.organization.pk, user_id=user.pk, job_id=job_id or uuid.uuid4(), index=index
        )
        return assets.keep_output(origin, kind=kind, source=file(content))

    return keep_output


def test_an_output_is_stored_with_its_hash_and_size(keep, bucket):
    content = picture(64, 48)

    asset = keep(content, index=2)

    assert (asset.status, asset.kind, asset.job_index) == ("pending", "image", 2)
    blob = asset.blob
    assert bytes(blob.sha256) == hashlib.sha256(content).digest()
    assert (blob.size_bytes, blob.content_type, blob.width, blob.height) == (len(content), "image/png", 64, 48)
    assert bucket.read(blob.object_key) == content
    assert bucket.head(blob.object_key)["ContentType"] == "image/png"


def test_an_output_that_was_stored_before_is_returned_as_it_is(keep):
    job_id = uuid.uuid4()
    first = keep(picture(seed=1), job_id=job_id)

    again = keep(picture(seed=2), job_id=job_id)

    assert again == first
    states = Blob.objects.filter(organization=first.organization_id).values_list("state", "references")
    assert set(states) == {("living", 1), ("dying", 0)}


def test_bytes_that_are_no_picture_leave_nothing(keep, organization, bucket):
    keys = bucket.keys()

    with pytest.raises(ContentRefused):
        keep(b"<html>")

    assert bucket.keys() == keys
    assert not Asset.objects.filter(organization=organization).exists()
    assert not Blob.objects.filter(organization=organization).exists()


@pytest.mark.parametrize("days", [None, 30])
def test_an_asset_expires_as_the_plan_says(keep, organization, days):
    EntitlementFactory(organization=organization, retention_days=days)

    asset = keep(picture())

    expires_at = Asset.objects.get(pk=asset.pk).expires_at
    if days is None:
        assert expires_at is None
    else:
        assert timedelta(0) <= timezone.now() + timedelta(days=days) - expires_at < timedelta(minutes=1)


def test_the_same_bytes_are_stored_once_inside_an_organization(keep, outsider):
    first, second, foreign = keep(picture()), keep(picture()), keep(picture(), user=outsider)

    assert first.blob == second.blob
    assert Blob.objects.get(pk=first.blob_id).references == 2
    assert foreign.blob_id != first.blob_id
    assert foreign.blob.object_key != first.blob.object_key


def test_outputs_are_readable_once_the_job_is_settled(keep, owner):
    # given
    job_id, other_id = uuid.uuid4(), uuid.uuid4()
    second, first = keep(picture(seed=2), job_id=job_id, index=1), keep(picture(seed=1), job_id=job_id, index=0)
    keep(picture(seed=3), job_id=other_id)
    assert assets.outputs_of([job_id, other_id], seen_by=owner.pk) == {}

    # when
    readied = [ready_outputs(job_id), ready_outputs(job_id)]

    # then
    assert readied == [2, 0]
    assert assets.outputs_of([job_id, other_id], seen_by=owner.pk) == {job_id: [first, second]}


def test_a_job_may_name_what_its_organization_can_read(organization):
    image = AssetFactory(organization=organization)

    assets.require_inputs(organization.pk, {"image": (image.pk, "image"), "images.0": (image.pk, "image")})
    assets.require_inputs(organization.pk, {})


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        pytest.param({"status": "pending"}, AssetNotReady, id="pending"),
        pytest.param({"status": "rejected"}, AssetNotFound, id="rejected"),
        pytest.param({"kind": "json"}, WrongAssetKind, id="another kind"),
        pytest.param({"expires_at": timezone.now() - timedelta(seconds=1)}, AssetNotFound, id="expired"),
        pytest.param({"deleted_at": timezone.now(), "blob": None}, AssetNotFound, id="deleted"),
    ],
)
def test_a_job_may_not_name_what_cannot_be_read(organization, change, refusal):
    good, bad = AssetFactory(organization=organization), AssetFactory(organization=organization, **change)

    with pytest.raises(refusal) as refused:
        assets.require_inputs(organization.pk, {"image": (good.pk, "image"), "images.1": (bad.pk, "image")})

    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/input/images/1", refusal.code)]


def test_the_asset_of_another_organization_is_as_absent_as_any(organization):
    foreign = AssetFactory()

    for asset_id in (foreign.pk, uuid.uuid4()):
        with pytest.raises(AssetNotFound) as refused:
            assets.require_inputs(organization.pk, {"image": (asset_id, "image")})
        assert refused.value.facts == {}
        with pytest.raises(AssetNotFound):
            assets.fetch(organization.pk, asset_id, None)


def test_an_input_is_fetched_to_a_file(keep, organization, tmp_path):
    # given
    content = picture()
    asset = keep(content)
    ready_outputs(asset.job_id)

    # when
    fetched = assets.fetch(organization.pk, asset.pk, tmp_path / "input")

    # then
    assert (tmp_path / "input").read_bytes() == content
    assert (fetched.content_type, fetched.size_bytes) == ("image/png", len(content))


def test_an_input_whose_object_is_gone_is_gone(organization, tmp_path):
    asset = AssetFactory(organization=organization)

    with pytest.raises(AssetNotFound):
        assets.fetch(organization.pk, asset.pk, tmp_path / "input")


def test_the_object_goes_with_the_last_asset_that_names_it(keep, organization, bucket):
    # given
    first, second = keep(picture()), keep(picture())
    for asset in (first, second):
        ready_outputs(asset.job_id)
    blob = first.blob

    # when
    assert assets.delete(organization.pk, first.pk)
    sweep()

    # then
    assert bucket.read(blob.object_key) == picture()
    assert assets.find(organization.pk, second.pk)

    # when
    assert assets.delete(organization.pk, second.pk)
    assert not assets.delete(organization.pk, second.pk)
    sweep()

    # then
    assert bucket.read(blob.object_key) is None
    assert not Blob.objects.filter(pk=blob.pk).exists()


def test_bytes_that_come_back_while_the_old_object_dies_get_a_new_one(keep, organization, bucket):
    # given
    first = keep(picture())
    ready_outputs(first.job_id)
    assets.delete(organization.pk, first.pk)
    assert Blob.objects.get(pk=first.blob_id).state == "dying"

    # when
    again = keep(picture())
    sweep()

    # then
    assert again.blob_id != first.blob_id
    assert bucket.read(again.blob.object_key) == picture()


def test_the_sweep_takes_what_nobody_will_ask_for(keep, organization, bucket):
    # given
    long_ago = timezone.now() - blobs.ABANDONED_AFTER - timedelta(minutes=1)
    abandoned, recent = keep(picture(seed=1)), keep(picture(seed=2))
    expired = keep(picture(seed=3))
    ready_outputs(expired.job_id)
    Asset.objects.filter(pk=abandoned.pk).update(created_at=long_ago)
    Asset.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    lost, fresh = BlobFactory(state="promised", references=0), BlobFactory(state="promised", references=0)
    Blob.objects.filter(pk=lost.pk).update(created_at=long_ago)

    # when
    sweep()
    sweep()

    # then
    assert bucket.read(abandoned.blob.object_key) is None
    assert bucket.read(expired.blob.object_key) is None
    assert bucket.read(recent.blob.object_key) == picture(seed=2)
    assert not Blob.objects.filter(pk__in=[lost.pk, abandoned.blob_id, expired.blob_id]).exists()
    assert Blob.objects.filter(pk__in=[fresh.pk, recent.blob_id]).count() == 2
    assert list(Asset.objects.filter(organization=organization, deleted_at=None)) == [recent]


def test_an_output_that_was_swept_can_be_stored_again(keep):
    asset = keep(picture())
    Asset.objects.filter(pk=asset.pk).update(created_at=timezone.now() - blobs.ABANDONED_AFTER)
    sweep()

    again = keep(picture(), job_id=asset.job_id)

    assert again.pk != asset.pk
    assert ready_outputs(asset.job_id) == 1


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("outputs", ["one output", "many outputs"])
def test_writers_of_the_same_bytes_at_once_make_one_object(owner, keep, bucket, outputs):
    # given
    job_id, content, kept = uuid.uuid4(), picture(seed=uuid.uuid4().int), []
    barrier = threading.Barrier(8)

    def write(index):
        barrier.wait()
        kept.append(keep(content, job_id=job_id, index=0 if outputs == "one output" else index))

    # when
    run_at_once(write, range(8))
    sweep()

    # then
    blob = Blob.objects.get(organization=owner.organization)
    count = 1 if outputs == "one output" else 8
    assert len({asset.pk for asset in kept}) == count
    assert (blob.state, blob.references) == ("living", count)
    assert {asset.blob_id for asset in kept} == {blob.pk}
    assert bucket.read(blob.object_key) == content


@pytest.mark.usefixtures("committed")
def test_keeping_and_deleting_at_once_never_names_a_dead_object(owner, keep, bucket):
    # given
    content = picture(seed=uuid.uuid4().int)

    def keep_and_delete(number):
        for _ in range(3):
            asset = keep(content)
            ready_outputs(asset.job_id)
            if number % 2:
                assert assets.delete(owner.organization.pk, asset.pk)
                blobs.sweep()

    # when
    run_at_once(keep_and_delete, range(6))
    sweep()

    # then
    left = Asset.objects.filter(organization=owner.organization, deleted_at=None).select_related("blob")
    assert len(left) == 9
    for asset in left:
        assert bucket.read(asset.blob.object_key) == content
    states = Blob.objects.filter(organization=owner.organization).values_list("state", "references")
    assert list(states) == [("living", 9)]


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


def ready_outputs(job_id):
    with connection.cursor() as cursor:
        cursor.execute("SELECT storage_ready_outputs(%s)", [job_id])
        return cursor.fetchone()[0]
