"""Collections over HTTP."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from rest_framework.test import APIClient

from core.exceptions import NotFound
from storage import collections
from storage.models import Asset, Collection, CollectionEntry
from tests.factories import AssetFactory, CollectionEntryFactory, CollectionFactory

pytestmark = pytest.mark.usefixtures("rows")


def create(api, title="Coast", **headers):
    return api.post("/v1/collections", {"title": title}, format="json", headers=headers)


def test_a_collection_is_made_filled_shown_renamed_and_deleted(api, owner, organization):
    # when
    made = create(api, "Coast")

    # then
    assert made.status_code == 201
    collection = Collection.objects.get(pk=made.json()["id"])
    assert made["Location"] == f"/v1/collections/{collection.pk}"
    assert (collection.organization, collection.user) == (organization, owner)
    assert made.json() | {"id": "", "createdAt": ""} == {
        "id": "",
        "title": "Coast",
        "assets": 0,
        "covers": [],
        "createdAt": "",
    }

    # when
    assets = AssetFactory.create_batch(6, organization=organization)
    outcome = put(api.post, collection, assets)

    # then
    assert outcome.json() == {"done": 6, "skipped": []}
    shown = api.get(f"/v1/collections/{collection.pk}").json()
    assert shown["assets"] == 6
    assert [cover["id"] for cover in shown["covers"]] == [str(asset.pk) for asset in reversed(assets[2:])]

    # when
    outcome = put(api.delete, collection, assets[:5])

    # then
    assert outcome.json() == {"done": 5, "skipped": []}
    renamed = api.patch(f"/v1/collections/{collection.pk}", {"title": "Harbour"}, format="json").json()
    assert (renamed["title"], renamed["assets"]) == ("Harbour", 1)
    listed = api.get("/v1/collections").json()
    assert [(one["id"], one["title"], one["assets"]) for one in listed["data"]] == [(str(collection.pk), "Harbour", 1)]

    # when
    assert api.delete(f"/v1/collections/{collection.pk}").status_code == 204

    # then
    assert api.get(f"/v1/collections/{collection.pk}").status_code == 404
    assert Asset.objects.filter(organization=organization, deleted_at=None).count() == 6


def put(method, collection, assets):
    body = {"assetIds": [str(getattr(asset, "pk", asset)) for asset in assets]}
    return method(f"/v1/collections/{collection.pk}/assets", body, format="json")


def test_a_collection_that_is_deleted_while_it_is_renamed_stays_deleted(organization):
    # given
    renamed = collections.find(organization.pk, CollectionFactory(organization=organization).pk)
    Collection.objects.filter(pk=renamed.pk).delete()

    # when
    with pytest.raises(NotFound):
        collections.rename(renamed, "Coast")

    # then
    assert not Collection.objects.filter(organization=organization).exists()


@pytest.mark.usefixtures("committed")
def test_a_collection_that_is_deleted_while_it_is_filled_is_gone(organization, owner):
    # given
    assets = AssetFactory.create_batch(20, organization=organization, user=owner)
    shelves = CollectionFactory.create_batch(10, organization=organization, user=owner)
    barrier = threading.Barrier(4)

    def turn(act):
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {owner.secret}")
        try:
            return [(barrier.wait(), act(client, collection).status_code)[1] for collection in shelves]
        finally:
            connections.close_all()

    # when
    def fill(client, collection):
        return put(client.post, collection, assets)

    def delete(client, collection):
        return client.delete(f"/v1/collections/{collection.pk}")

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(turn, [fill, fill, fill, delete]))

    # then
    assert answers[3] == [204] * len(shelves)
    assert {status for filled in answers[:3] for status in filled} <= {200, 404, 422}
    assert not Collection.objects.filter(organization=organization).exists()


def test_what_cannot_be_read_is_neither_counted_nor_put_in(api, organization, outsider):
    # given
    collection = CollectionFactory(organization=organization)
    foreign, absent = AssetFactory(organization=outsider.organization), uuid.uuid4()
    pending = CollectionEntryFactory(
        collection=collection, asset=AssetFactory(organization=organization, status="pending")
    )
    deleted = AssetFactory(organization=organization)
    put(api.post, collection, [deleted])
    api.delete(f"/v1/assets/{deleted.pk}")

    # when
    outcome = put(api.post, collection, [foreign, absent, deleted])

    # then
    assert outcome.json() == {
        "done": 0,
        "skipped": [{"assetId": str(pk), "code": "asset_not_found"} for pk in (foreign.pk, absent, deleted.pk)],
    }
    assert api.get(f"/v1/collections/{collection.pk}").json()["assets"] == 0
    assert CollectionEntry.objects.get() == pending


def test_a_title_is_taken_once_in_an_organization(api, outsider):
    # given
    assert create(api, "Coast").status_code == create(outsider.api, "Coast").status_code == 201
    other = create(api, "Harbour").json()["id"]

    # when
    answers = [create(api, " Coast "), api.patch(f"/v1/collections/{other}", {"title": "Coast"}, format="json")]

    # then
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "title_taken")] * 2
    assert Collection.objects.count() == 3


@pytest.mark.parametrize("title", ["", "  ", "x" * 101, "a\nb", None, 7.5, ["Coast"]], ids=str)
def test_a_title_is_a_line(api, title):
    assert create(api, title).status_code == (201 if title == 7.5 else 422)


def test_a_submission_that_is_sent_again_makes_no_second_collection(api):
    # given
    first = create(api, "Coast", **{"Idempotency-Key": "k1"})

    # when
    again, other = create(api, "Coast", **{"Idempotency-Key": "k1"}), create(api, "Port", **{"Idempotency-Key": "k1"})

    # then
    assert (again.status_code, again["Idempotency-Replayed"]) == (201, "true")
    assert again.json() == first.json()
    assert other.json()["code"] == "idempotency_mismatch"
    assert Collection.objects.count() == 1


@pytest.mark.parametrize("method", ["get", "patch", "delete", "post assets", "delete assets"])
def test_anothers_collection_is_as_absent_as_any(outsider, organization, method):
    # given
    entry = CollectionEntryFactory(collection__organization=organization)
    verb, _, below = method.partition(" ")
    body = {"assetIds": [str(entry.asset_id)]} if below else {"title": "Mine"}

    # when
    answers = [
        getattr(outsider.api, verb)(f"/v1/collections/{pk}{'/assets' if below else ''}", body, format="json")
        if verb != "get"
        else outsider.api.get(f"/v1/collections/{pk}")
        for pk in (entry.collection_id, uuid.uuid4())
    ]

    # then
    assert [answer.status_code for answer in answers] == [404, 404]
    assert CollectionEntry.objects.get() == entry
    assert outsider.api.get("/v1/collections").json()["data"] == []


def test_more_collections_take_no_more_queries(api, organization, django_assert_max_num_queries):
    for _ in range(5):
        for asset in AssetFactory.create_batch(2, organization=organization):
            CollectionEntryFactory(collection=CollectionFactory(organization=organization), asset=asset)
    api.get("/v1/collections")

    with django_assert_max_num_queries(5):
        assert len(api.get("/v1/collections").json()["data"]) == 10


def test_the_collections_of_one_asset_are_listed(api, organization):
    # given
    asset = AssetFactory(organization=organization)
    holding = CollectionEntryFactory(asset=asset, collection__organization=organization).collection
    CollectionEntryFactory(collection__organization=organization)
    elsewhere = CollectionEntryFactory().asset

    # when
    listed = api.get("/v1/collections", {"asset": str(asset.pk)})

    # then
    assert [collection["id"] for collection in listed.json()["data"]] == [str(holding.pk)]
    assert api.get("/v1/collections", {"asset": str(elsewhere.pk)}).json()["data"] == []
    assert api.get("/v1/collections", {"asset": "all"}).status_code == 422
