"""Zips of many assets: what is in them, who may read them, and what happens where the bucket fails."""

import asyncio
import hashlib
import io
import uuid
import zipfile
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from asgiref.testing import ApplicationCommunicator
from django.test import AsyncClient, Client

from config.asgi import application
from core import clock
from storage import archives, object_store
from storage.exceptions import StoreUnavailable
from storage.models import Archive, Asset
from storage.tasks import sweep
from tests.factories import AssetFactory, BlobFactory, CollectionEntryFactory, CollectionFactory

pytestmark = pytest.mark.usefixtures("rows")
MIB = 1024**2

NOBODYS = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def kept(organization, file):
    """A function that makes an asset whose bytes are in the bucket."""

    def keep(content=b"some bytes", *, of=organization, **more):
        blob = BlobFactory(
            organization=of,
            sha256=hashlib.sha256(content + uuid.uuid4().bytes).digest(),
            size_bytes=len(content),
            content_type=more.pop("content_type", "image/png"),
        )
        object_store.put_file(
            file(content), blob.object_key, content_type=blob.content_type, sha256=hashlib.sha256(content).digest()
        )
        return AssetFactory(organization=of, blob=blob, **more)

    return keep


def ask(api, headers=None, **body):
    return api.post("/v1/archives", body, format="json", headers=headers)


def asked(api, *assets):
    response = ask(api, assetIds=[str(getattr(asset, "pk", asset)) for asset in assets])
    assert response.status_code == 201, response.content
    return response.json()


def read(archive):
    """The zip behind a link, as somebody without credentials gets it."""
    response = Client().get(path_of(archive))
    assert response.status_code == 200
    content = b"".join(response.streaming_content)
    assert response["Content-Length"] == str(len(content)) == str(archive["size"])
    return zipfile.ZipFile(io.BytesIO(content))


def path_of(archive):
    return "/v1" + archive["url"].partition("/v1")[2]


def test_a_zip_holds_the_assets_by_their_names_and_times(api, kept, settings):
    # given
    made_at = datetime(2026, 3, 4, 5, 6, 8, tzinfo=UTC)
    contents = {"größe.png": b"first" * 10_000, "lighthouse.png": b"second", "waves.wav": b""}
    picture = kept(contents["größe.png"], filename="größe.jpeg", created_at=made_at)
    assets = [
        picture,
        kept(contents["lighthouse.png"], filename="lighthouse"),
        kept(contents["waves.wav"], filename="waves.html", content_type="audio/wav"),
    ]

    # when
    archive = asked(api, *assets)
    zipped = read(archive)

    # then
    assert (archive["assets"], archive["skipped"]) == (3, [])
    assert archive["url"].startswith(f"{settings.BASE_URL}/v1/archives/")
    lifetime = datetime.fromisoformat(archive["expiresAt"]) - clock.now()
    assert timedelta(0) < lifetime <= timedelta(seconds=settings.ASSET_URL_SECONDS)
    assert zipped.testzip() is None
    assert {name: zipped.read(name) for name in zipped.namelist()} == contents
    assert zipped.getinfo("größe.png").date_time == (2026, 3, 4, 5, 6, 8)
    assert {entry.compress_type for entry in zipped.infolist()} == {zipfile.ZIP_STORED}


def test_times_that_no_zip_can_tell_are_the_nearest(api, kept):
    # given
    first, last = (kept(created_at=datetime(year, 5, 6, tzinfo=UTC)) for year in (1970, 2200))

    # when
    entries = read(asked(api, first, last)).infolist()

    # then
    assert [entry.date_time[:3] for entry in entries] == [(1980, 1, 1), (2107, 12, 31)]


def test_names_are_safe_and_differ_by_more_than_case(api, kept):
    names = ["a.png", "A.png", "a.png", "../../etc/x.png", "con.png", 'b:*?".png', "..png", "ü" * 150 + ".png"]
    names += ["COM¹.png", "aux .tar.png", "\u202egnp.\u200bexe.png"]
    assets = [kept(filename=name) for name in names]
    unnamed = kept(filename="")

    zipped = read(asked(api, *assets, unnamed))

    assert zipped.namelist() == [
        "a.png",
        "A (2).png",
        "a (3).png",
        "x.png",
        "_con.png",
        "b____.png",
        zipped.namelist()[6],
        "ü" * 100 + ".png",
        "_COM¹.png",
        "_aux .tar.png",
        "gnp.exe.png",
        f"{unnamed.pk}.png",
    ]
    assert not zipped.namelist()[6].startswith(".")


def test_what_cannot_be_read_is_left_out_and_told(api, kept, outsider):
    # given
    mine, foreign, absent = kept(filename="a"), kept(of=outsider.organization), uuid.uuid4()

    # when
    archive = asked(api, mine, foreign, absent, mine)

    # then
    assert archive["assets"] == 1
    assert archive["skipped"] == [{"assetId": str(pk), "code": "asset_not_found"} for pk in (foreign.pk, absent)]
    assert read(archive).namelist() == ["a.png"]


def test_a_zip_is_asked_of_a_collection_or_a_filter(api, organization, kept):
    # given
    first, second = kept(filename="a", tags=["sea"], prompt="a boat"), kept(filename="b", tags=["sea"])
    collection = CollectionFactory(organization=organization)
    CollectionEntryFactory(collection=collection, asset=second)

    # then
    assert read(ask(api, collectionId=str(collection.pk)).json()).namelist() == ["b.png"]
    assert read(ask(api, filter={"tag": ["sea"]}).json()).namelist() == ["b.png", "a.png"]
    assert read(ask(api, filter={"tag": "sea", "q": "boat"}).json()).namelist() == ["a.png"]
    assert first.pk != second.pk


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid"),
        ({"assetIds": []}, "invalid"),
        ({"assetIds": [NOBODYS] * 1_001}, "invalid"),
        ({"assetIds": [NOBODYS]}, "nothing_to_archive"),
        ({"collectionId": NOBODYS}, "collection_not_found"),
        ({"assetIds": [NOBODYS], "filter": {}}, "invalid"),
        ({"filter": {"kind": "video"}}, "invalid"),
        ({"filter": {"limit": 7}}, "invalid"),
        ({"filter": {"q": {"a": [1]}}}, "nothing_to_archive"),
        ({"filter": {"tag": "none"}}, "nothing_to_archive"),
        ({"filter": []}, "invalid"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_cannot_be_zipped_is_refused(api, body, code):
    response = ask(api, **body)

    assert (response.status_code, response.json()["code"]) == (422, code)
    assert not Archive.objects.exists()


def test_more_than_a_zip_holds_is_refused(api, organization, monkeypatch):
    monkeypatch.setattr(archives, "MOST_ASSETS", 2)
    AssetFactory.create_batch(3, organization=organization)

    response = ask(api, filter={})

    assert (response.status_code, response.json()["code"]) == (422, "archive_too_large")


def test_a_submission_that_is_sent_again_leads_to_the_same_zip(api, kept):
    # given
    asset = kept()
    key = {"Idempotency-Key": "k1"}

    # when
    first, again = (ask(api, key, assetIds=[str(asset.pk)]) for _ in range(2))

    # then
    assert (again.status_code, again["Idempotency-Replayed"]) == (201, "true")
    assert first.json() == again.json()
    assert Archive.objects.count() == 1


@pytest.mark.parametrize("change", ["another signature", "no signature", "expired", "left", "closed", "swept"])
def test_a_link_that_is_not_good_any_more_leads_nowhere(api, owner, organization, kept, change):
    # given
    archive = asked(api, kept())
    path = path_of(archive)
    match change:
        case "another signature":
            path = path[:-1] + ("a" if path[-1] != "a" else "b")
        case "no signature":
            path = path.partition(".")[0]
        case "left":
            owner.memberships.all().delete()
        case "closed":
            organization.closed_at = clock.now()
            organization.save()
        case _:
            Archive.objects.update(expires_at=clock.now())
    if change == "swept":
        sweep()
        assert not Archive.objects.exists()

    # when
    response = Client().get(path)

    # then
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_what_was_deleted_since_is_not_in_the_zip(api, kept):
    # given
    kept_one, deleted = kept(b"stays", filename="a"), kept(b"goes", filename="b")
    archive = asked(api, kept_one, deleted)
    api.delete(f"/v1/assets/{deleted.pk}")

    # when
    response = Client().get(path_of(archive))
    content = b"".join(response.streaming_content)

    # then
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == ["a.png"]
    assert response["Content-Length"] == str(len(content))


def test_a_bucket_that_fails_half_way_breaks_the_transfer_off(api, kept, bucket_at):
    # given
    archive = asked(api, kept(b"x" * 3 * MIB, filename="a"), kept(filename="b"))
    response = Client().get(path_of(archive))
    sent = [next(response.streaming_content)]

    # when
    bucket_at(1)
    with pytest.raises(StoreUnavailable):
        sent.extend(response.streaming_content)

    # then
    assert len(b"".join(sent)) < archive["size"]


def test_the_head_of_a_zip_brings_nothing_from_the_bucket(committed, api, kept, read_keys):
    # given
    archive = asked(api, kept(b"x" * MIB))

    # when
    head = asyncio.run(head_by_asgi(path_of(archive)))

    # then
    assert (head["status"], read_keys) == (200, [])
    assert dict(head["headers"])[b"Content-Length"] == str(archive["size"]).encode()


@pytest.fixture
def read_keys(monkeypatch):
    """The keys that were read, in order."""
    keys, bring = [], object_store.chunks

    def noted(key):
        keys.append(key)
        yield from bring(key)

    monkeypatch.setattr(object_store, "chunks", noted)
    return keys


async def head_by_asgi(path):
    """How the answer begins that a server of `live` gets from the application, once it is whole."""
    scope = {"type": "http", "method": "HEAD", "path": path, "query_string": b"", "headers": [(b"host", b"localhost")]}
    server = ApplicationCommunicator(application, scope | {"http_version": "1.1", "scheme": "http"})
    await server.send_input({"type": "http.request", "body": b"", "more_body": False})
    begun = await server.receive_output(10)
    while (await server.receive_output(10)).get("more_body"):
        pass
    await server.wait()
    return begun


def test_a_zip_beyond_four_gibibytes_knows_its_length(organization):
    # given
    large = BlobFactory(organization=organization, size_bytes=5 * 1024**3)
    assets = [AssetFactory(organization=organization, blob=large) for _ in range(2)]

    # when
    zipped = archives._zipped(Asset.objects.select_related("blob").in_bulk([asset.pk for asset in assets]).values())

    # then
    assert len(zipped) > 10 * 1024**3


@pytest.mark.usefixtures("committed")
async def test_live_sends_a_zip_piece_by_piece_without_holding_a_connection(stackless_archive):
    # when
    response = await AsyncClient().get(path_of(stackless_archive))
    pieces = [piece async for piece in response.streaming_content]

    # then
    assert max(map(len, pieces)) <= MIB
    content = b"".join(pieces)
    assert len(content) == stackless_archive["size"]
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None


@pytest.fixture
def stackless_archive(committed, api, kept):
    return asked(api, kept(b"y" * 3 * MIB + b"z"), kept())


def test_the_edge_leads_a_link_to_live(stack, owner):
    # given
    content = b'{"a": "' + b"x" * 2 * MIB + b'"}'
    with httpx2.Client(
        base_url=stack.base_url, headers={"Authorization": f"Bearer {owner.secret}"}, timeout=30
    ) as client:
        asset = client.post("/v1/assets", content=content, headers={"Content-Type": "application/octet-stream"})
        assert asset.status_code == 201, asset.text
        archive = client.post("/v1/archives", json={"assetIds": [asset.json()["id"]]}).json()
    stack.processes["web"].stop(grace_seconds=0)

    # when
    answer = httpx2.get(f"{stack.base_url}{path_of(archive)}", timeout=30)

    # then
    assert answer.headers["Content-Length"] == str(len(answer.content)) == str(archive["size"])
    zipped = zipfile.ZipFile(io.BytesIO(answer.content))
    assert [zipped.read(name) for name in zipped.namelist()] == [content]
