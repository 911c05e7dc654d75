"""Uploads by presigned address: promised, put into the bucket by the client, completed, looked at."""

import hashlib
import io
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit

import httpx2
import pytest
from django.db import connection
from django.utils import timezone

from core import postman
from storage import legal_holds, object_store, tasks, uploads
from storage.models import Asset, Blob, Upload
from tests.storage.pictures import bomb, picture

MIB = 1024**2


def test_bytes_put_at_a_presigned_address_become_an_asset(api, organization, owner, bucket):
    # given
    content = picture(64, 48)
    upload = promise(api, content, filename="C:\\photos\\cat.png").json()

    # when
    assert put(upload, content).status_code == 200
    response = complete(api, upload)

    # then
    assert response.status_code == 200
    asset = response.json()
    assert (asset["status"], asset["width"], asset["height"]) == ("ready", 64, 48)
    assert (asset["filename"], asset["source"]) == ("cat.png", {"uploadId": upload["id"]})
    assert asset["sha256"] == hashlib.sha256(content).hexdigest()
    row = Asset.objects.get(pk=asset["id"])
    assert (row.organization, row.user_id) == (organization, owner.pk)
    assert bucket.read(row.blob.object_key) == content
    assert [listed["id"] for listed in api.get("/v1/assets").json()["data"]] == [asset["id"]]


def test_the_address_takes_only_what_was_promised(api, bucket):
    """Size, type and hash are in the signature, and nothing is ever overwritten."""
    content = picture(64, 48)
    upload = promise(api, content).json()

    assert put(upload, content + b"!").status_code == 403
    assert put(upload, content, **{"Content-Type": "text/html"}).status_code == 403
    assert put(upload, content[:-1] + b"!").status_code == 400
    assert put(upload, content, **{"x-amz-checksum-sha256": "AAAA"}).status_code == 403
    assert put({**upload, "url": upload["url"].replace("blobs/", "blobs/0")}, content).status_code == 403
    assert complete(api, upload).json()["code"] == "upload_incomplete"

    assert put(upload, content).status_code == 200
    assert put(upload, content).status_code == 412
    assert complete(api, upload).status_code == 200


def test_completing_twice_at_once_and_again_gives_one_asset(committed, api, organization):
    # given
    content = picture(64, 48)
    upload = promise(api, content).json()
    put(upload, content)

    def complete_once(_):
        try:
            return complete(api, upload).json()
        finally:
            connection.close()

    # when
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(complete_once, range(4)))

    # then
    assert all("id" in answer for answer in answers), answers
    assert {answer["id"] for answer in answers} == {complete(api, upload).json()["id"]}
    assert Asset.objects.filter(organization=organization).count() == 1
    assert Blob.objects.get(organization=organization, state="living").references == 1


def test_identical_bytes_are_stored_once_and_the_second_object_goes(api, organization, bucket):
    # given
    content = picture(64, 48)
    first = promise(api, content).json()
    put(first, content)
    complete(api, first)

    # when
    second = promise(api, content).json()
    put(second, content)
    assert complete(api, second).status_code == 200
    tasks.sweep()

    # then
    blob = Blob.objects.get(organization=organization, state="living")
    assert blob.references == 2
    assert bucket.read(blob.object_key) == content
    assert bucket.keys() & keys_of(organization) == {blob.object_key}


@pytest.mark.parametrize(
    ("content", "content_type", "code"),
    [
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "image/png", "not_an_image", id="svg"),
        pytest.param(picture(200, 200)[:5_000], "image/png", "truncated_image", id="truncated"),
        pytest.param(bomb(), "image/png", "image_too_large", id="bomb"),
        pytest.param(b"{", "application/json", "not_json", id="no json"),
    ],
)
def test_bytes_that_are_not_what_they_should_be_are_rejected(api, organization, bucket, content, content_type, code):
    # given
    upload = promise(api, content, contentType=content_type).json()
    put(upload, content)

    # when
    asset = complete(api, upload).json()
    tasks.sweep()

    # then
    assert (asset["status"], asset["error"], asset["url"]) == ("rejected", code, None)
    assert api.get(f"/v1/assets/{asset['id']}").json()["status"] == "rejected"
    assert api.get("/v1/assets").json()["data"] == []
    assert api.get(f"/v1/uploads/{upload['id']}").json()["status"] == "rejected"
    assert not Blob.objects.filter(organization=organization).exclude(state="dying").exists()
    assert not bucket.keys() & keys_of(organization)


@pytest.fixture
def small_parts(settings):
    """Multipart from 5 MiB on, the least that stores take for a part."""
    settings.UPLOAD_SINGLE_MAX_BYTES = 1 * MIB
    settings.UPLOAD_PART_BYTES = 5 * MIB


def test_a_large_upload_goes_in_parts_and_goes_on_where_it_broke(small_parts, api, bucket, settings):
    # given
    content = large_picture()
    upload = promise(api, content, sha256=None).json()
    sizes = [part["size"] for part in upload["parts"]]
    assert sizes == [5 * MIB, 5 * MIB, len(content) - 10 * MIB]
    put(upload["parts"][1], content[5 * MIB : 10 * MIB])

    # when: the page was closed, and asks where it stands
    again = api.get(f"/v1/uploads/{upload['id']}").json()
    assert [part["arrived"] for part in again["parts"]] == [False, True, False]
    refusal = complete(api, again)
    assert (refusal.status_code, refusal.json()["missingParts"]) == (409, [1, 3])
    for part in again["parts"]:
        offset = (part["partNumber"] - 1) * 5 * MIB
        assert put(part, content[offset : offset + part["size"] + 1]).status_code == (
            403 if part["partNumber"] < 3 else 200
        )
        assert put(part, content[offset : offset + part["size"]]).status_code == 200
    response = complete(api, again)

    # then
    assert (response.status_code, response.json()["status"]) == (200, "ready")
    assert response.json()["sha256"] == hashlib.sha256(content).hexdigest()
    assert bucket.read(Asset.objects.get(pk=response.json()["id"]).blob.object_key) == content
    assert complete(api, again).json()["id"] == response.json()["id"]
    assert "parts" not in api.get(f"/v1/uploads/{upload['id']}").json()


def test_a_completion_whose_answer_from_the_bucket_was_lost_is_repeated(small_parts, api):
    # given
    content = large_picture()
    upload = promise(api, content, sha256=None).json()
    for part in upload["parts"]:
        offset = (part["partNumber"] - 1) * 5 * MIB
        put(part, content[offset : offset + part["size"]])
    blob = Upload.objects.get(pk=upload["id"]).blob
    object_store.finish_parts(
        blob.object_key, blob.multipart_id, object_store.parts(blob.object_key, blob.multipart_id)
    )

    # when
    response = complete(api, upload)

    # then
    assert response.json()["status"] == "ready"


def test_another_hash_than_promised_is_rejected(small_parts, api):
    content = large_picture()
    upload = promise(api, content, sha256="0" * 64).json()
    for part in upload["parts"]:
        offset = (part["partNumber"] - 1) * 5 * MIB
        put(part, content[offset : offset + part["size"]])

    asset = complete(api, upload).json()

    assert (asset["status"], asset["error"]) == ("rejected", "hash_mismatch")


def test_many_bytes_are_looked_at_by_media_and_pending_meanwhile(committed, small_parts, api, monkeypatch):
    # given
    monkeypatch.setattr(uploads, "_CHECKED_AT_ONCE_BYTES", 1)
    content = picture(64, 48)
    upload = promise(api, content).json()
    put(upload, content)

    # when
    response = complete(api, upload)

    # then
    assert (response.status_code, response.json()["status"], response.json()["url"]) == (202, "pending", None)
    job = {"model": "sandbox/v1", "operation": "describe", "input": {"image": response.json()["id"]}}
    problem = api.post("/v1/jobs", job, format="json")
    assert (problem.status_code, problem.json()["code"]) == (409, "asset_not_ready")
    postman.finish()
    tasks.check_upload(upload["id"])
    assert api.get(f"/v1/assets/{response.json()['id']}").json()["status"] == "ready"
    tasks.check_upload(upload["id"])
    assert Blob.objects.get(pk=Asset.objects.get(pk=response.json()["id"]).blob_id).references == 1


def test_what_is_never_completed_is_swept(small_parts, api, organization, bucket):
    # given
    content = large_picture()
    single, parted = promise(api, picture()).json(), promise(api, content, sha256=None).json()
    put(single, picture())
    put(parted["parts"][0], content[: 5 * MIB])
    keys = keys_of(organization)
    Upload.objects.filter(organization=organization).update(expires_at=timezone.now() - timedelta(seconds=1))

    # when
    assert complete(api, single).status_code == 422
    tasks.sweep()

    # then
    assert not Blob.objects.filter(organization=organization).exists()
    assert not bucket.keys() & keys
    assert not {multipart["Key"] for multipart in bucket.open_multiparts()} & keys
    assert api.get(f"/v1/uploads/{single['id']}").json()["status"] == "abandoned"


def test_a_check_that_was_lost_is_made_by_the_sweep(committed, api, organization, monkeypatch):
    # given
    monkeypatch.setattr(uploads, "_CHECKED_AT_ONCE_BYTES", 0)
    content = picture(64, 48)
    upload = promise(api, content).json()
    put(upload, content)
    complete(api, upload)
    asked = []
    monkeypatch.setattr("core.doorbell.ring_media", lambda task, about: asked.append((task, about)))

    # when
    Upload.objects.filter(pk=upload["id"]).update(expires_at=timezone.now() - timedelta(seconds=1))
    tasks.sweep()

    # then
    assert ("storage.tasks.check_upload", upload["id"]) in asked


def test_what_is_completed_in_the_last_minute_is_checked_all_the_same(pending):
    # given
    upload = pending()
    aged(upload, promised=timedelta(hours=25))

    # when
    tasks.sweep()
    tasks.check_upload(str(upload.pk))

    # then
    upload.refresh_from_db()
    assert (upload.state, upload.asset.status, upload.blob.state) == ("ready", "ready", "living")


def test_what_cannot_be_checked_for_a_day_is_rejected(api, pending, bucket):
    # given
    upload = pending()
    aged(upload, promised=timedelta(hours=25), completed=timedelta(hours=25))

    # when
    tasks.sweep()

    # then
    body = api.get(f"/v1/assets/{upload.asset_id}").json()
    assert (body["status"], body["error"], body["url"]) == ("rejected", "never_checked", None)
    assert bucket.read(upload.blob.object_key) is None
    assert not Blob.objects.filter(pk=upload.blob_id).exists()


def test_a_legal_hold_that_is_placed_during_the_check_stays(pending, staff, monkeypatch):
    # given
    upload = pending()
    bring = object_store.chunks

    def held_meanwhile(key):
        yield from bring(key)
        legal_holds.place(upload.asset_id, actor_id=staff.pk, reason="a letter")

    monkeypatch.setattr(object_store, "chunks", held_meanwhile)

    # when
    tasks.check_upload(str(upload.pk))

    # then
    asset = Asset.objects.get(pk=upload.asset_id)
    assert (asset.status, asset.legal_hold) == ("ready", True)


@pytest.mark.parametrize("integrity", ["md5", "none"])
def test_an_address_that_still_works_after_the_check_changes_nothing(api, settings, bucket, integrity):
    """As with Google's store, which takes neither a hash of ours nor a condition."""
    # given
    settings.S3_CONDITIONAL_WRITES, settings.S3_INTEGRITY = False, integrity
    content, other = picture(64, 48), picture(64, 48, seed=1)
    other = other[: len(content)].ljust(len(content), b"!")
    upload = promise(api, content).json()
    put(upload, content)
    asset = complete(api, upload).json()
    assert asset["status"] == "ready"

    # when
    assert put(upload, other).status_code == 200

    # then
    blob = Asset.objects.get(pk=asset["id"]).blob
    assert bucket.read(blob.object_key) == content
    tasks.sweep()
    assert bucket.keys() & keys_of(blob.organization) == {blob.object_key}
    assert bucket.read(urlsplit(upload["url"]).path.partition(f"/{settings.S3_BUCKET}/")[2]) is None


def test_what_is_put_again_after_the_deletion_goes_with_a_later_sweep(api, organization, bucket):
    # given: a client that keeps the address, and comes back when the object is gone
    content = picture(40, 30)
    upload = promise(api, content).json()
    put(upload, content)
    asset = complete(api, upload).json()
    key = Blob.objects.get(assets=asset["id"]).object_key
    api.delete(f"/v1/assets/{asset['id']}")
    tasks.sweep()
    assert bucket.read(key) is None

    # when
    assert put(upload, content).status_code == 200
    tasks.sweep()

    # then
    assert bucket.read(key) is None

    # when the address has ended
    Asset.objects.filter(pk=asset["id"]).update(created_at=timezone.now() - timedelta(hours=1, minutes=1))
    tasks.sweep()

    # then
    assert not Blob.objects.filter(object_key=key).exists()


@pytest.fixture
def pending(api):
    """A function that promises and puts a picture and completes it, as far as the check; returns the upload."""

    def begin():
        content = picture(64, 48)
        upload = promise(api, content).json()
        put(upload, content)
        row = Upload.objects.get(pk=upload["id"])
        uploads._begin_check(row)
        return Upload.objects.select_related("asset", "blob").get(pk=row.pk)

    return begin


def aged(upload, *, promised, completed=timedelta()):
    """As if it had been promised and completed so long ago, and its check were due again."""
    now = timezone.now()
    Upload.objects.filter(pk=upload.pk).update(created_at=now - promised, expires_at=now)
    Blob.objects.filter(pk=upload.blob_id).update(created_at=now - promised)
    Asset.objects.filter(pk=upload.asset_id).update(created_at=now - completed)


def test_uploads_of_others_are_absent(api, outsider, organization):
    upload = promise(api, picture()).json()

    assert outsider.api.get(f"/v1/uploads/{upload['id']}").status_code == 404
    assert complete(outsider.api, upload).status_code == 404
    assert api.get(f"/v1/uploads/{uuid.uuid4()}").status_code == 404


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"size": 0}, 422, "invalid"),
        ({"size": 2**60}, 422, "invalid"),
        ({"size": 2**40}, 413, "upload_too_large"),
        ({"size": "1"}, 422, "invalid"),
        ({"sha256": "xyz"}, 422, "invalid"),
        ({"sha256": None}, 422, "invalid"),
        ({"contentType": "text/html"}, 422, "invalid"),
        ({"contentType": "image/svg+xml"}, 422, "invalid"),
        ({"key": "../other"}, 422, "invalid"),
    ],
)
def test_a_promise_that_cannot_be_kept_is_refused(api, organization, change, status, code):
    body = {"contentType": "image/png", "size": 100, "sha256": "0" * 64} | change
    if change.get("size") == "1":
        body["size"] = "one"

    response = api.post("/v1/uploads", body, format="json")

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not Blob.objects.filter(organization=organization).exists()


def test_a_promise_is_made_once_for_a_key(api, organization):
    first = promise(api, picture(), headers={"Idempotency-Key": "k"})
    second = promise(api, picture(), headers={"Idempotency-Key": "k"})
    third = promise(api, picture(seed=1), headers={"Idempotency-Key": "k"})

    assert second["Idempotency-Replayed"] == "true"
    assert second.json()["id"] == first.json()["id"]
    assert third.status_code == 422
    assert Upload.objects.filter(organization=organization).count() == 1


def test_only_so_many_may_be_open(api, settings):
    settings.UPLOADS_OPEN_MAX = 1
    promise(api, picture())

    response = promise(api, picture())

    assert (response.status_code, response.json()["code"]) == (429, "too_many_uploads")


@pytest.mark.usefixtures("committed")
def test_only_so_many_may_be_open_however_many_ask_at_once(api, organization, settings):
    # given
    settings.UPLOADS_OPEN_MAX = 2
    together = threading.Barrier(6)

    def ask(seed):
        together.wait()
        try:
            return promise(api, picture(seed=seed)).status_code
        finally:
            connection.close()

    # when
    with ThreadPoolExecutor(6) as threads:
        answers = sorted(threads.map(ask, range(6)))

    # then
    assert answers == [201, 201, 429, 429, 429, 429]
    assert Upload.objects.filter(organization=organization).count() == 2
    tasks.sweep()
    assert Blob.objects.filter(organization=organization).count() == 2


@pytest.mark.parametrize("end", ["deleted", "expired"])
def test_completing_again_what_is_gone_brings_nothing_back(api, end):
    # given
    content = picture(64, 48)
    upload = promise(api, content).json()
    put(upload, content)
    asset_id = complete(api, upload).json()["id"]

    # when
    if end == "deleted":
        api.delete(f"/v1/assets/{asset_id}")
    else:
        Asset.objects.filter(pk=asset_id).update(expires_at=timezone.now())

    # then
    response = complete(api, upload)
    assert (response.status_code, response.json()["code"]) == (422, "asset_not_found")


def promise(client, content, *, headers=None, **change):
    body = {"contentType": "image/png", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()} | change
    body = {name: value for name, value in body.items() if value is not None}
    return client.post("/v1/uploads", body, format="json", headers=headers or {})


def put(to, content, **headers):
    return httpx2.put(to["url"], content=content, headers=to["headers"] | headers)


def complete(client, upload):
    return client.post(f"/v1/uploads/{upload['id']}/complete")


def keys_of(organization):
    return set(Blob.objects.filter(organization=organization).values_list("object_key", flat=True))


def large_picture():
    content = picture(2_000, 2_000, compress_level=0)
    assert 10 * MIB < len(io.BytesIO(content).getvalue()) < 15 * MIB
    return content
