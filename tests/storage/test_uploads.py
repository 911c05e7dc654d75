"""Uploads and assets over HTTP: what is taken, what is refused and how, and who sees what."""

import hashlib
import tempfile
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import api_keys
from core.models import IdempotencyRecord
from storage import delivery
from storage.models import Asset, Blob
from tests.factories import AssetFactory
from tests.storage import pictures
from tests.storage.pictures import picture
from tests.storage.recordings import recording


@pytest.fixture(autouse=True)
def spools(tmp_path, monkeypatch):
    """The folder where bodies are spooled, this test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_picture_is_uploaded_in_a_form(api, organization, owner, bucket, settings):
    # given
    content = picture(64, 48)

    # when
    response = upload(api, content, name="My photo.jpeg")

    # then
    assert response.status_code == 201
    body = response.json()
    asset = Asset.objects.get(pk=body["id"])
    assert response["Location"] == f"/v1/assets/{asset.pk}"
    assert response["Cache-Control"] == "private, no-store"
    assert (asset.organization, asset.user_id, asset.status) == (organization, owner.pk, "ready")
    assert bucket.read(asset.blob.object_key) == content
    url, created, url_expires = body.pop("url"), body.pop("createdAt"), body.pop("urlExpiresAt")
    assert body == {
        "id": str(asset.pk),
        "status": "ready",
        "error": None,
        "contentType": "image/png",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "width": 64,
        "height": 48,
        "durationSeconds": None,
        "channels": None,
        "kind": "image",
        "filename": "My photo.jpeg",
        "tags": [],
        "favourite": False,
        "legalHold": False,
        "operation": None,
        "model": None,
        "prompt": None,
        "expiresAt": None,
        "thumbnails": [],
        "placeholder": None,
        "public": False,
        "publicUrl": None,
        "source": {"uploadId": None},
    }
    assert datetime.fromisoformat(created) <= timezone.now()
    lifetime = datetime.fromisoformat(url_expires) - datetime.now(UTC)
    assert (
        timedelta(seconds=settings.ASSET_URL_SECONDS - 20) < lifetime <= timedelta(seconds=settings.ASSET_URL_SECONDS)
    )
    assert url.startswith(f"{settings.CDN_BASE_URL}/")


@pytest.mark.parametrize("content_type", ["image/png", "image/jpeg", "application/octet-stream"])
def test_a_picture_is_uploaded_as_it_is(api, content_type):
    response = api.generic("POST", "/v1/assets", picture(form="WEBP"), content_type=content_type)

    assert response.status_code == 201
    assert response.json()["contentType"] == "image/webp"


@pytest.mark.parametrize("content_type", ["audio/mpeg", "application/octet-stream", None])
def test_a_recording_is_uploaded(api, organization, content_type):
    # given
    content = recording("mp3", seconds=1)

    # when
    if content_type:
        response = api.generic("POST", "/v1/assets", content, content_type=content_type)
    else:
        response = upload(api, content, name="My voice.wav")

    # then
    assert response.status_code == 201
    body = response.json()
    assert (body["kind"], body["contentType"]) == ("audio", "audio/mpeg")
    assert (body["durationSeconds"], body["channels"], body["width"], body["height"]) == (1, 2, None, None)
    told = opened(body)
    assert told.content_type == "audio/mpeg"
    if not content_type:
        assert told.disposition == 'inline; filename="My voice.mp3"'
    blob = Blob.objects.get(organization=organization)
    assert (blob.duration_seconds, blob.channels) == (1, 2)


@pytest.mark.parametrize(
    ("content", "kind", "content_type"),
    [
        (b'{"layers": []}', "json", "application/json"),
        ("Größe".encode(), "text", "text/plain; charset=utf-8"),
    ],
)
def test_a_document_is_uploaded(api, content, kind, content_type):
    body = upload(api, content, name="page.html").json()

    assert (body["kind"], body["contentType"]) == (kind, content_type)
    told = opened(body)
    assert told.content_type == content_type
    assert told.disposition.startswith("attachment; filename=")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\pictures\\cat.png", "cat.png"),
        ("größe ✓.png", "größe ✓.png"),
        ("x" * 300 + ".png", "x" * 196 + ".png"),
        ("", ""),
    ],
)
def test_a_file_name_is_a_name_and_no_more(api, name, kept):
    boundary = "frontier"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    body = head + picture() + f"\r\n--{boundary}--\r\n".encode()

    response = api.generic("POST", "/v1/assets", body, content_type=f"multipart/form-data; boundary={boundary}")

    assert response.status_code == 201
    assert response.json()["filename"] == kept


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"", "unsupported_kind", id="nothing"),
        pytest.param(b"<html></html>", "unsupported_kind", id="html"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "unsupported_kind", id="svg"),
        pytest.param(picture(form="TIFF"), "unsupported_kind", id="tiff"),
        pytest.param(picture(200, 200)[:5_000], "truncated_image", id="truncated"),
        pytest.param(pictures.bomb(), "image_too_large", id="bomb"),
        pytest.param(pictures.animation("GIF"), "animated_image", id="animation"),
        pytest.param(recording("mp3")[:5_000], "truncated_audio", id="truncated recording"),
        pytest.param(b"[" * 100, "not_json", id="deep json"),
    ],
)
def test_what_is_not_taken_is_refused_and_leaves_nothing(api, organization, bucket, spools, content, code):
    keys = bucket.keys()

    response = upload(api, content)

    assert_problem(response, 422, code)
    assert bucket.keys() == keys
    assert not Blob.objects.filter(organization=organization).exists()
    assert list(spools.iterdir()) == []


def _form(*parts, end=b"--x--\r\n"):
    heads = (f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\n'.encode() for name in parts)
    return b"".join(head + picture() + b"\r\n" for head in heads) + end


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        pytest.param(b"{}", "application/json", 422, "invalid_source", id="json"),
        pytest.param(b"a=1", "application/x-www-form-urlencoded", 415, "unsupported_media_type", id="plain form"),
        pytest.param(picture(), "text/html", 415, "unsupported_media_type", id="html"),
        pytest.param(picture(), "", 415, "unsupported_media_type", id="no type"),
        pytest.param(picture(), "multipart/form-data", 400, "malformed_upload", id="no boundary"),
        pytest.param(b"", "multipart/form-data; boundary=x", 400, "malformed_upload", id="empty form"),
        pytest.param(b"--y\r\n", "multipart/form-data; boundary=x", 400, "malformed_upload", id="other boundary"),
        pytest.param(_form("file", end=b""), "multipart/form-data; boundary=x", 400, "malformed_upload", id="cut off"),
        pytest.param(_form("image"), "multipart/form-data; boundary=x", 400, "malformed_upload", id="other field"),
        pytest.param(_form("file", "file"), "multipart/form-data; boundary=x", 400, "malformed_upload", id="two files"),
        pytest.param(_form(), "multipart/form-data; boundary=x", 400, "malformed_upload", id="no part"),
        pytest.param(
            b"--x\r\nA: " + b"a" * 10_000, "multipart/form-data; boundary=x", 400, "malformed_upload", id="long header"
        ),
    ],
)
def test_a_body_that_is_no_upload_is_refused(api, organization, spools, body, content_type, status, code):
    response = api.generic("POST", "/v1/assets", body, content_type=content_type)

    assert_problem(response, status, code)
    assert not Asset.objects.filter(organization=organization).exists()
    assert list(spools.iterdir()) == []


@pytest.mark.parametrize("declared", [True, False], ids=["by its declared length", "while it is read"])
def test_a_body_that_is_too_large_is_refused(api, settings, declared):
    settings.UPLOAD_MAX_BYTES = 40_000
    content = picture(200, 200) if declared else picture(115, 118)
    assert (len(content) > 40_000 + 16 * 1024) is declared

    response = upload(api, content)

    assert_problem(response, 413, "upload_too_large")
    assert response.json()["maxBytes"] == 40_000


def test_an_upload_with_a_key_is_made_once(api, organization):
    # given
    headers = {"Idempotency-Key": "upload-1"}
    first = upload(api, picture(), headers=headers)

    # when
    again = upload(api, picture(), headers=headers)
    other = upload(api, picture(seed=2), headers=headers)

    # then
    assert first.status_code == again.status_code == 201
    assert again.json()["id"] == first.json()["id"]
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert_problem(other, 422, "idempotency_mismatch")
    assert Asset.objects.filter(organization=organization).count() == 1


def test_a_refused_upload_does_not_burn_its_key(api):
    headers = {"Idempotency-Key": "upload-1"}
    assert upload(api, b"<html>", headers=headers).status_code == 422

    assert upload(api, picture(), headers=headers).status_code == 201
    assert IdempotencyRecord.objects.filter(key="upload-1").count() == 1


def test_identical_uploads_are_two_assets_of_one_blob(api, organization):
    first, second = upload(api, picture()).json(), upload(api, picture()).json()

    assert first["id"] != second["id"]
    assert Blob.objects.get(organization=organization).references == 2


def test_uploading_needs_credentials_and_the_right(api, anonymous, owner):
    narrow = api_keys.issue(
        organization_id=owner.organization.pk, user_id=owner.pk, name="reader", scopes=["assets:read"]
    )
    reader = APIClient()
    reader.credentials(HTTP_AUTHORIZATION=f"Bearer {narrow.secret}")

    assert upload(anonymous, picture()).status_code == 401
    assert_problem(upload(reader, picture()), 403, "insufficient_scope")
    assert reader.get("/v1/assets").status_code == 200


def test_an_upload_by_cookie_needs_the_csrf_token(owner):
    # given
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(owner)
    token = "a" * 32
    client.cookies["csrftoken"] = token

    # when
    without, with_token = upload(client, picture()), upload(client, picture(), headers={"X-CSRFToken": token})

    # then
    assert without.status_code == 403
    assert with_token.status_code == 201


def test_the_list_shows_what_can_be_read_newest_first(api, organization):
    # given
    old, new = AssetFactory(organization=organization), AssetFactory(organization=organization, job_id=uuid.uuid4())
    new.job_index = 1
    new.save()
    document = AssetFactory(organization=organization, kind="json")
    AssetFactory(organization=organization, status="pending")
    AssetFactory(organization=organization, deleted_at=timezone.now(), blob=None)
    AssetFactory(organization=organization, expires_at=timezone.now())
    AssetFactory()

    # when
    pages = {query: api.get(f"/v1/assets{query}").json() for query in ("", "?kind=image", "?source=job", "?limit=1")}

    # then
    assert ids(pages[""]) == [document.pk, new.pk, old.pk]
    assert ids(pages["?kind=image"]) == [new.pk, old.pk]
    assert ids(pages["?source=job"]) == [new.pk]
    assert pages["?source=job"]["data"][0]["source"] == {"jobId": str(new.job_id), "index": 1}
    assert ids(pages["?limit=1"]) == [document.pk]
    rest = api.get("/v1/assets", {"cursor": pages["?limit=1"]["next"]}).json()
    assert (ids(rest), rest["next"]) == ([new.pk, old.pk], None)
    assert ids(api.get("/v1/assets?source=upload").json()) == [document.pk, old.pk]


@pytest.mark.parametrize(
    ("query", "status"),
    [("kind=video", 422), ("source=elsewhere", 422), ("limit=0", 400), ("limit=101", 400), ("cursor=nonsense", 400)],
)
def test_a_list_that_cannot_be_given_is_refused(api, query, status):
    response = api.get(f"/v1/assets?{query}")

    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"


def test_a_list_of_many_takes_four_queries(api, organization, django_assert_max_num_queries):
    AssetFactory.create_batch(30, organization=organization)
    api.get("/v1/assets")

    with django_assert_max_num_queries(4):
        api.get("/v1/assets?limit=30")


def test_an_asset_is_read_deleted_and_gone(api, organization):
    # given
    asset_id = upload(api, picture()).json()["id"]
    assert api.get(f"/v1/assets/{asset_id}").json()["id"] == asset_id

    # when
    response = api.delete(f"/v1/assets/{asset_id}")

    # then
    assert (response.status_code, response.content) == (204, b"")
    for path in ("", "/content"):
        assert_problem(api.get(f"/v1/assets/{asset_id}{path}"), 404, "not_found")
    assert_problem(api.delete(f"/v1/assets/{asset_id}"), 404, "not_found")
    assert Blob.objects.get(organization=organization).state == "dying"


def test_an_asset_uploaded_again_after_its_deletion_is_there(api, organization, bucket):
    first = upload(api, picture()).json()["id"]
    api.delete(f"/v1/assets/{first}")

    again = upload(api, picture()).json()["id"]

    blob = Asset.objects.get(pk=again).blob
    assert blob.state == "living"
    assert bucket.read(blob.object_key) == picture()


def test_an_asset_is_nobody_elses(api, outsider):
    asset_id = upload(api, picture()).json()["id"]

    for path in (f"/v1/assets/{asset_id}", f"/v1/assets/{asset_id}/content"):
        assert_problem(outsider.api.get(path), 404, "not_found")
    assert_problem(outsider.api.delete(f"/v1/assets/{asset_id}"), 404, "not_found")
    assert outsider.api.get("/v1/assets").json()["data"] == []
    assert api.get(f"/v1/assets/{asset_id}").status_code == 200


def test_a_teammate_shares_the_library(api, teammate):
    asset_id = upload(api, picture()).json()["id"]

    assert teammate.api.get(f"/v1/assets/{asset_id}").status_code == 200


def test_an_expired_asset_cannot_be_read_before_it_is_swept(api, organization):
    asset = AssetFactory(organization=organization, expires_at=timezone.now())

    assert api.get(f"/v1/assets/{asset.pk}").status_code == 404
    assert api.get(f"/v1/assets/{asset.pk}/content").status_code == 404


def test_a_link_ends_with_its_asset(api, organization):
    expires_at = timezone.now() + timedelta(seconds=60)
    asset = AssetFactory(organization=organization, expires_at=expires_at)

    body = api.get(f"/v1/assets/{asset.pk}").json()

    assert abs(datetime.fromisoformat(body["urlExpiresAt"]) - expires_at) < timedelta(milliseconds=1)
    assert timedelta() <= expires_at - opened(body).until < timedelta(seconds=1)


def test_the_content_address_leads_to_a_link_of_its_own(api, organization, settings):
    asset = AssetFactory(organization=organization)

    response = api.get(f"/v1/assets/{asset.pk}/content")

    assert response.status_code == 302
    assert response["Location"].startswith(f"{settings.CDN_BASE_URL}/")
    assert response["Cache-Control"] == "private, no-store"
    assert "Authorization" in response["Vary"]


def test_a_store_that_is_away_is_said_so(api, organization, settings):
    from storage import object_store

    options = settings.STORAGES["default"]["OPTIONS"] | {"endpoint_url": "http://127.0.0.1:1"}
    settings.STORAGES = settings.STORAGES | {"default": settings.STORAGES["default"] | {"OPTIONS": options}}
    object_store._made_client.cache_clear()
    try:
        response = upload(api, picture())
    finally:
        object_store._made_client.cache_clear()

    assert_problem(response, 503, "store_unavailable")
    assert response["Retry-After"] == "5"
    assert not Asset.objects.filter(organization=organization).exists()


def upload(client, content, *, name="picture.png", headers=None):
    file = SimpleUploadedFile(name, content, content_type="text/html")
    return client.post("/v1/assets", {"file": file}, format="multipart", headers=headers or {})


def opened(body):
    """What the link in an asset's JSON gives leave to, as the edge is told."""
    return delivery.opened(body["url"].removeprefix(settings.CDN_BASE_URL))


def ids(page):
    return [uuid.UUID(item["id"]) for item in page["data"]]


def assert_problem(response, status, code):
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    assert response.json()["code"] == code
