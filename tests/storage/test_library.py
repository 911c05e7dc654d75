"""The library over HTTP: finding assets, noting on them, and doing one thing to many."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Role
from core import clock
from storage import search
from storage.models import Asset, Blob, Collection, CollectionEntry, Favourite
from storage.tasks import sweep
from tests.factories import AssetFactory, BlobFactory, CollectionEntryFactory, CollectionFactory, FavouriteFactory
from tests.fixtures import member

pytestmark = pytest.mark.usefixtures("rows")

NOBODYS = "11111111-1111-4111-8111-111111111111"


def found(user_api, **parameters):
    response = user_api.get("/v1/assets", parameters)
    assert response.status_code == 200, response.content
    return [asset["id"] for asset in response.json()["data"]]


def ids(*assets):
    return [str(asset.pk) for asset in assets]


# --- finding ---------------------------------------------------------------------------------------------------------
@pytest.fixture(params=["on the walk", "by an index"])
def way(request, monkeypatch):
    """Few of many are found in another way than many; both must find the same."""
    if request.param == "by an index":
        monkeypatch.setattr(search, "_WALKED", 1)


@pytest.fixture
def shelf(organization, owner, teammate, outsider):
    """Three assets of the organization, by their names, and one of another that is like the first."""
    told = {"operation": "generate", "model": "sandbox/v1", "prompt": "A lighthouse at dusk", "tags": ["sea", "Night"]}
    first = AssetFactory(organization=organization, user=owner, job_id=uuid.uuid4(), job_index=0, **told)
    second = AssetFactory(
        organization=organization, user=owner, kind="audio", filename="Waves at sea.wav", tags=["sea"]
    )
    third = AssetFactory(organization=organization, user=owner, prompt="Nothing light-hearted", operation="edit")
    AssetFactory(organization=outsider.organization, user=outsider, job_id=uuid.uuid4(), job_index=0, **told)
    FavouriteFactory(user=owner, asset=first)
    FavouriteFactory(user=teammate, asset=second)
    CollectionEntryFactory(collection__organization=organization, collection__title="Coast", asset=second)
    Asset.objects.filter(pk=third.pk).update(is_public=True)
    return {"first": first, "second": second, "third": third}


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({}, "third second first"),
        ({"kind": "audio"}, "second"),
        ({"source": "job"}, "first"),
        ({"source": "upload"}, "third second"),
        ({"model": "sandbox/v1"}, "first"),
        ({"model": "sandbox"}, ""),
        ({"operation": "edit"}, "third"),
        ({"operation": "edit", "kind": "audio"}, ""),
        ({"tag": "sea"}, "second first"),
        ({"tag": ["sea", "Night"]}, "first"),
        ({"tag": "night"}, ""),
        ({"favourite": "true"}, "first"),
        ({"public": "true"}, "third"),
        ({"q": "lighthouse"}, "first"),
        ({"q": "LIGHT"}, "third first"),
        ({"q": "light dusk"}, ""),
        ({"q": "dusk light"}, "first"),
        ({"q": "at sea"}, "second"),
        ({"q": "waves.wav"}, ""),
        ({"q": "light", "source": "job"}, "first"),
        ({"q": "   "}, "third second first"),
        ({"kind": ""}, "third second first"),
    ],
    ids=str,
)
def test_the_library_is_narrowed(api, shelf, parameters, names):
    assert found(api, **parameters) == ids(*(shelf[name] for name in names.split()))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    "text", ["'", "\\", "a'b\\", "(", "!", "& |", ":*", "<->", "'':*", "%", "%s", "é", "日本語", "x" * 200, "a " * 99]
)
def test_a_search_takes_anything(api, shelf, text):
    assert set(found(api, q=text)) <= set(ids(*shelf.values()))


@pytest.mark.parametrize(
    "parameters",
    [
        {"kind": "video"},
        {"source": "elsewhere"},
        {"favourite": "yes"},
        {"public": "false"},
        {"collection": "coast"},
        {"since": "yesterday"},
        {"until": "2026-01-31T12:00:00"},
        {"q": "x" * 201},
        {"tag": "x" * 51},
        {"model": "x" * 101},
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(api, parameters):
    response = api.get("/v1/assets", parameters)

    assert (response.status_code, response.json()["code"]) == (422, "invalid")
    assert [error["pointer"] for error in response.json()["errors"]] == [f"/{next(iter(parameters))}"]


@pytest.mark.usefixtures("way")
def test_a_time_is_a_bound(api, organization):
    # given
    assets = [_made_at(organization, days_ago) for days_ago in (30, 20, 10)]
    since, until = (clock.rfc3339(clock.now() - timedelta(days=days)) for days in (25, 15))

    # then
    assert found(api, since=since) == ids(assets[2], assets[1])
    assert found(api, until=until) == ids(assets[1], assets[0])
    assert found(api, since=since, until=until, kind="image") == ids(assets[1])
    assert found(api, since=clock.rfc3339(assets[1].created_at), until=until) == ids(assets[1])
    assert found(api, since="0001-01-01T00:00:00Z", until="9999-12-31T23:59:59Z") == ids(*reversed(assets))


def _made_at(organization, days_ago):
    # A row's key is made a moment after its time was taken, never before.
    created_at = clock.now() - timedelta(days=days_ago)
    with connection.cursor() as cursor:
        cursor.execute("SELECT uuidv7(%s - clock_timestamp())", [created_at])
        key = cursor.fetchone()[0]
    return AssetFactory(organization=organization, pk=key, created_at=created_at)


@pytest.mark.usefixtures("way")
def test_pages_of_what_was_found_follow_each_other(api, organization):
    # given
    wanted = [AssetFactory(organization=organization, prompt="a boat") for _ in range(5)]
    AssetFactory(organization=organization, prompt="a bird")

    # when
    pages, cursor = [], ""
    while cursor is not None:
        page = api.get("/v1/assets", {"q": "boat", "limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        pages.append([asset["id"] for asset in page["data"]])
        cursor = page["next"]

    # then
    assert [asset_id for page in pages for asset_id in page] == ids(*reversed(wanted))
    assert [len(page) for page in pages] == [2, 2, 1]


def test_the_ways_of_one_search_are_not_those_of_the_next(api, shelf, monkeypatch):
    monkeypatch.setattr(search, "_WALKED", 1)

    found(api, q="light")

    with connection.cursor() as cursor:
        for way in ("bitmapscan", "sort", "indexscan", "indexonlyscan", "seqscan"):
            cursor.execute(f"SHOW enable_{way}")
            assert cursor.fetchone() == ("on",)


def test_more_assets_take_no_more_queries(api, organization):
    # given
    AssetFactory(organization=organization, prompt="a boat")
    found(api, q="boat")
    with CaptureQueriesContext(connection) as of_one:
        found(api, q="boat")
    AssetFactory.create_batch(5, organization=organization, prompt="a boat")

    # when
    with CaptureQueriesContext(connection) as of_six:
        found(api, q="boat")

    # then
    assert len(of_six) == len(of_one)
    assert not any('"search"' in query["sql"].partition("FROM")[0] for query in of_six)


def test_the_collection_of_another_organization_is_as_empty_as_an_absent_one(api, shelf, outsider):
    foreign = CollectionEntryFactory(collection__organization=outsider.organization)

    assert found(api, collection=str(foreign.collection_id)) == found(api, collection=str(uuid.uuid4())) == []
    assert found(api, collection=str(Collection.objects.get(title="Coast").pk)) == ids(shelf["second"])


def test_a_favourite_is_its_users_own(api, teammate, shelf):
    assert found(teammate.api, favourite="true") == ids(shelf["second"])
    starred = {asset["id"]: asset["favourite"] for asset in api.get("/v1/assets").json()["data"]}
    assert starred == {str(shelf["first"].pk): True, str(shelf["second"].pk): False, str(shelf["third"].pk): False}


# --- noting ----------------------------------------------------------------------------------------------------------
def change(user_api, asset, **changes):
    return user_api.patch(f"/v1/assets/{asset.pk}", changes, format="json")


def test_what_is_noted_is_shown_and_the_rest_stays(api, owner, organization):
    # given
    asset = AssetFactory(organization=organization, filename="a.png", prompt="a boat", operation="generate", model="m")

    # when
    response = change(api, asset, tags=["  Sea ", "sea", "Größe"], favourite=True, filename="boat.png")

    # then
    body = response.json()
    assert response.status_code == 200
    assert (body["tags"], body["favourite"], body["filename"]) == (["Sea", "Größe"], True, "boat.png")
    assert (body["operation"], body["model"], body["prompt"], body["legalHold"]) == ("generate", "m", "a boat", False)
    assert found(api, q="boat.png") == ids(asset)
    again = change(api, asset, favourite=True).json()
    assert (again["tags"], again["favourite"]) == (["Sea", "Größe"], True)
    assert Favourite.objects.get(asset=asset).user == owner
    assert change(api, asset, favourite=False, tags=[]).json()["tags"] == []
    assert not Favourite.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"tags": [""]},
        {"tags": ["  "]},
        {"tags": ["x" * 51]},
        {"tags": ["a\nb"]},
        {"tags": [str(number) for number in range(21)]},
        {"tags": "sea"},
        {"filename": "../a.png"},
        {"filename": "a\\b"},
        {"filename": "x" * 201},
        {"filename": "a\tb"},
        {"favourite": 1},
        {"favourite": None},
        {"organization": "mine"},
        {"legalHold": True},
        {"prompt": "another"},
    ],
    ids=str,
)
def test_what_cannot_be_noted_is_refused(api, organization, changes):
    asset = AssetFactory(organization=organization, tags=["kept"])

    response = change(api, asset, **changes)

    assert response.status_code == 422
    assert list(Asset.objects.filter(pk=asset.pk).values_list("tags", "filename")) == [(["kept"], "")]


def test_nobody_notes_on_anothers_asset(outsider, organization):
    asset = AssetFactory(organization=organization)

    foreign = change(outsider.api, asset, tags=["mine"], favourite=True)
    absent = outsider.api.patch(f"/v1/assets/{uuid.uuid4()}", {"tags": ["mine"]}, format="json")

    assert foreign.status_code == absent.status_code == 404
    assert foreign.json() | {"requestId": ""} == absent.json() | {"requestId": ""}
    assert Asset.objects.get(pk=asset.pk).tags == []
    assert not Favourite.objects.exists()


# --- many at once ----------------------------------------------------------------------------------------------------
def bulk(user_api, action, assets, **more):
    asset_ids = [str(getattr(asset, "pk", asset)) for asset in assets]
    return user_api.post("/v1/assets/bulk", {"action": action, "assetIds": asset_ids, **more}, format="json")


def test_many_are_deleted_at_once_with_their_bytes(api, organization, outsider, django_assert_max_num_queries):
    # given
    blob = BlobFactory(organization=organization, references=3)
    same = [AssetFactory(organization=organization, blob=blob) for _ in range(3)]
    others = [AssetFactory(organization=organization) for _ in range(3)]
    held = AssetFactory(organization=organization, legal_hold=True)
    foreign, absent = AssetFactory(organization=outsider.organization), uuid.uuid4()
    CollectionEntryFactory(collection__organization=organization, asset=others[0])
    FavouriteFactory(asset=others[0])
    api.get("/v1/assets")

    # when
    with django_assert_max_num_queries(20):
        response = bulk(api, "delete", [*same[:2], *others, held, foreign, absent, same[0]])

    # then
    assert response.status_code == 200, response.content
    assert response.json()["done"] == 5
    assert {one["assetId"]: one["code"] for one in response.json()["skipped"]} == {
        str(held.pk): "legal_hold",
        str(foreign.pk): "asset_not_found",
        str(absent): "asset_not_found",
    }
    assert set(found(api)) == set(ids(same[2], held))
    assert list(Blob.objects.filter(pk=blob.pk).values_list("state", "references")) == [("living", 1)]
    dying = Blob.objects.filter(organization=organization, state="dying")
    assert set(dying.values_list("pk", "references")) == {(asset.blob_id, 0) for asset in others}
    assert not CollectionEntry.objects.exists()
    assert not Favourite.objects.exists()
    assert Asset.objects.get(pk=foreign.pk).deleted_at is None


def test_many_are_tagged_and_untagged(api, organization):
    # given
    plain, tagged = AssetFactory(organization=organization), AssetFactory(organization=organization, tags=["SEA"])
    full = AssetFactory(organization=organization, tags=[str(number) for number in range(20)])

    # when
    tagging = bulk(api, "tag", [plain, tagged, full], tags=["sea", "Boat"]).json()

    # then
    assert tagging == {"done": 2, "skipped": [{"assetId": str(full.pk), "code": "too_many_tags"}]}
    assert _tags(plain, tagged) == [["sea", "Boat"], ["SEA", "Boat"]]

    # when
    untagging = bulk(api, "untag", [plain, tagged, full], tags=["Sea"]).json()

    # then
    assert untagging == {"done": 3, "skipped": []}
    assert _tags(plain, tagged) == [["Boat"], ["Boat"]]


def _tags(*assets):
    return [Asset.objects.get(pk=asset.pk).tags for asset in assets]


def test_many_are_starred_and_collected_and_twice_is_once(api, owner, organization):
    # given
    assets = AssetFactory.create_batch(3, organization=organization)
    collection = CollectionFactory(organization=organization)

    # when
    for _ in range(2):
        assert bulk(api, "favourite", assets).json() == {"done": 3, "skipped": []}
        assert bulk(api, "collect", assets, collectionId=str(collection.pk)).json() == {"done": 3, "skipped": []}

    # then
    assert Favourite.objects.filter(user=owner).count() == CollectionEntry.objects.filter(collection=collection).count()
    assert set(found(api, favourite="true")) == set(found(api, collection=str(collection.pk))) == set(ids(*assets))

    # when
    bulk(api, "unfavourite", assets[:2])
    bulk(api, "uncollect", assets[1:], collectionId=str(collection.pk))

    # then
    assert found(api, favourite="true") == ids(assets[2])
    assert found(api, collection=str(collection.pk)) == ids(assets[0])


def test_nothing_is_put_into_anothers_collection(api, organization, outsider):
    asset, foreign = AssetFactory(organization=organization), CollectionFactory(organization=outsider.organization)

    answers = [bulk(api, "collect", [asset], collectionId=str(pk)).json() for pk in (foreign.pk, uuid.uuid4())]

    assert [answer["code"] for answer in answers] == ["collection_not_found"] * 2
    assert not CollectionEntry.objects.exists()


@pytest.mark.usefixtures("committed")
def test_what_is_deleted_and_collected_at_once_is_in_no_collection(owner, organization):
    # given
    assets = AssetFactory.create_batch(5, organization=organization, user=owner)
    collection = CollectionFactory(organization=organization, user=owner)
    barrier, answers = threading.Barrier(4), []

    def act(action, **more):
        try:
            barrier.wait()
            answers.append(bulk(api_of(owner), action, assets, **more).json())
        finally:
            connections.close_all()

    # when
    put = {"collectionId": str(collection.pk)}
    acts = [("collect", put), ("delete", {}), ("favourite", {}), ("delete", {})]
    threads = [threading.Thread(target=act, args=(action,), kwargs=more) for action, more in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # then
    assert len(answers) == 4
    assert all(answer["done"] + len(answer["skipped"]) == 5 for answer in answers), answers
    assert not CollectionEntry.objects.filter(collection=collection).exists()
    assert not Favourite.objects.filter(user=owner).exists()
    blobs = Blob.objects.filter(organization=organization).values_list("state", "references")
    assert set(blobs) == {("dying", 0)}


def api_of(user):
    """A client of its own: one is not for several threads."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {user.secret}")
    return client


@pytest.mark.parametrize(
    "body",
    [
        {"action": "burn", "assetIds": [NOBODYS]},
        {"action": "delete", "assetIds": []},
        {"action": "delete", "assetIds": ["x"]},
        {"action": "delete", "assetIds": [NOBODYS] * 1_001},
        {"action": "delete", "assetIds": [NOBODYS], "tags": ["sea"]},
        {"action": "tag", "assetIds": [NOBODYS]},
        {"action": "tag", "assetIds": [NOBODYS], "tags": []},
        {"action": "collect", "assetIds": [NOBODYS]},
        {"action": "delete"},
        {"assetIds": [NOBODYS]},
        {"action": "delete", "assetIds": [NOBODYS], "force": True},
    ],
    ids=lambda body: str(body)[:60],
)
def test_a_body_that_cannot_be_meant_is_refused(api, body):
    assert api.post("/v1/assets/bulk", body, format="json").status_code == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/v1/assets/{}"),
        ("POST", "/v1/assets/bulk"),
        ("POST", "/v1/collections"),
        ("GET", "/v1/collections"),
        ("POST", "/v1/archives"),
    ],
)
def test_the_library_is_for_those_who_may_see_assets(organization, anonymous, method, path):
    billing = member(organization, Role.BILLING).api
    address = path.format(uuid.uuid4())

    answers = [
        client.generic(method, address, b"{}", "application/json").status_code for client in (billing, anonymous)
    ]

    assert answers == [403, 401]


# --- legal hold ------------------------------------------------------------------------------------------------------
def test_what_is_on_legal_hold_is_not_deleted(api, organization):
    asset = AssetFactory(organization=organization, legal_hold=True)

    response = api.delete(f"/v1/assets/{asset.pk}")

    assert (response.status_code, response.json()["code"]) == (409, "legal_hold")
    assert found(api) == ids(asset)


def test_what_has_expired_on_legal_hold_cannot_be_read_and_keeps_its_bytes(api, organization):
    # given
    past = clock.now() - timedelta(minutes=1)
    held = AssetFactory(organization=organization, legal_hold=True, expires_at=past)
    free = AssetFactory(organization=organization, expires_at=past)

    # when
    sweep()

    # then
    assert found(api) == []
    assert api.get(f"/v1/assets/{held.pk}").status_code == 404
    assert api.delete(f"/v1/assets/{held.pk}").status_code == 404
    assert Blob.objects.filter(pk=held.blob_id, state="living").exists()
    assert not Blob.objects.filter(pk=free.blob_id).exists()
