"""Bytes on their way in: in the bucket while they come, whole and hashed or not at all, and nothing left behind."""

import hashlib
from base64 import b64encode
from datetime import timedelta

import pytest
from django.utils import timezone

from storage import assets, incoming, tasks
from storage.exceptions import StoreUnavailable, TruncatedImage, UploadTooLarge
from storage.models import Asset, Blob
from storage.object_store import PART_BYTES
from tests.storage.pictures import picture

MIB = 1024**2
CHUNK = 256 * 1024


@pytest.fixture
def large():
    """A picture of three parts, and its hash."""
    content = picture(2_600, 2_600, compress_level=0)
    assert 2 * PART_BYTES < len(content) < 3 * PART_BYTES
    return content


def test_large_bytes_are_in_the_bucket_before_the_last_of_them_has_come(organization, owner, bucket, large):
    # given
    asset = new_asset(organization, owner)
    with incoming.receive(organization.pk, max_bytes=len(large)) as body:
        write(body, large[: 2 * PART_BYTES])
        blob = Blob.objects.get(organization=organization)
        assert blob.multipart_id
        assert [each["Key"] for each in bucket.open_multiparts()] == [blob.object_key]

        # when
        write(body, large[2 * PART_BYTES :])
        body.finish()
        assets.keep(asset, body, assets.examined(body.path, "image"))

    # then
    blob = Asset.objects.get(pk=asset.pk).blob
    assert (blob.state, blob.size_bytes, blob.multipart_id) == ("living", len(large), "")
    assert bytes(blob.sha256) == hashlib.sha256(large).digest()
    assert bucket.read(blob.object_key) == large
    assert bucket.checksum(blob.object_key) == composite(large)
    assert bucket.open_multiparts() == []


def test_the_hash_of_small_bytes_is_the_store_s_own_checksum(organization, owner, bucket):
    content = picture(64, 48)

    with incoming.receive(organization.pk, max_bytes=MIB) as body:
        write(body, content)
        body.finish()
        asset = assets.keep(new_asset(organization, owner), body, assets.examined(body.path, "image"))

    assert bucket.checksum(asset.blob.object_key) == b64encode(body.sha256).decode()


@pytest.mark.parametrize("fault", ["too large", "not a picture", "broken off"])
def test_large_bytes_that_come_to_nothing_leave_nothing(organization, owner, bucket, large, fault):
    # given
    faults = {"too large": UploadTooLarge, "not a picture": TruncatedImage, "broken off": ConnectionError}
    paths = []

    def send():
        max_bytes = 2 * PART_BYTES if fault == "too large" else len(large)
        with incoming.receive(organization.pk, max_bytes=max_bytes) as body:
            paths.append(body.path)
            write(body, large[:-1_000_000])
            if fault == "broken off":
                raise ConnectionError
            write(body, b"\0" * 1_000_000)
            body.finish()
            assets.keep(new_asset(organization, owner), body, assets.examined(body.path, "image"))

    # when
    with pytest.raises(faults[fault]):
        send()

    # then
    assert not paths[0].exists()
    keys = {blob.object_key for blob in Blob.objects.filter(organization=organization)}
    assert keys
    tasks.sweep()
    assert not Blob.objects.filter(organization=organization).exists()
    assert not keys & bucket.keys()
    assert not keys & {each["Key"] for each in bucket.open_multiparts()}


def test_what_a_killed_process_had_begun_is_swept(organization, bucket, large, tmp_path):
    # given: parts were sent, and nobody lives to take them back
    path = tmp_path / "spool"
    with path.open("wb") as file:
        body = incoming.Incoming(file, path, len(large), organization.pk)
        write(body, large[: 2 * PART_BYTES])
    key = Blob.objects.get(organization=organization).object_key
    tasks.sweep()
    assert key in {each["Key"] for each in bucket.open_multiparts()}

    # when
    Blob.objects.filter(organization=organization).update(created_at=timezone.now() - timedelta(hours=25))
    tasks.sweep()

    # then
    assert not Blob.objects.filter(organization=organization).exists()
    assert key not in {each["Key"] for each in bucket.open_multiparts()}


def test_a_bucket_that_goes_away_meanwhile_is_said_so(organization, bucket_at, large):
    def send():
        with incoming.receive(organization.pk, max_bytes=len(large)) as body:
            write(body, large[: PART_BYTES + CHUNK])
            bucket_at(1)
            write(body, large[PART_BYTES + CHUNK :])
            body.finish()
            assets.keep(new_asset(organization, None), body, assets.examined(body.path, "image"))

    with pytest.raises(StoreUnavailable):
        send()

    assert not Asset.objects.filter(organization=organization).exists()
    assert Blob.objects.get(organization=organization).state == "dying"


def new_asset(organization, user):
    return Asset(organization=organization, user=user, kind="image", status=Asset.Status.READY)


def write(body, content):
    for offset in range(0, len(content), CHUNK):
        body.write(content[offset : offset + CHUNK])


def composite(content):
    """The checksum that S3 gives an object of parts: the hash of their hashes."""
    hashes = [hashlib.sha256(content[at : at + PART_BYTES]).digest() for at in range(0, len(content), PART_BYTES)]
    return f"{b64encode(hashlib.sha256(b''.join(hashes)).digest()).decode()}-{len(hashes)}"
