"""What the library's routes read and answer: notes, bulk actions, collections, archives."""

from typing import Any, TypedDict

from rest_framework import serializers

from core import clock
from core.serializers import StrictSerializer
from storage import library
from storage.archives import Link
from storage.collections import Shelf
from storage.library import Outcome
from storage.models import Archive
from storage.serializers import AssetJSON, asset_json

MOST_AT_ONCE = 1_000
_TITLE_MAX_LENGTH = 100


class Line(serializers.CharField):
    """One line of text without control characters."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not library.is_one_line(text):
            raise serializers.ValidationError("This is one line without control characters.", code="invalid")
        return text


class Tags(serializers.ListField):
    """Tags in their order, tidied: trimmed, each once whatever its case."""

    child = Line(min_length=1, max_length=library.TAG_MAX_LENGTH)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=library.MOST_TAGS, **kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        return library.tidy_tags(super().to_internal_value(data))


class AssetIds(serializers.ListField):
    """1 to 1,000 assets."""

    child = serializers.UUIDField()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=1, max_length=MOST_AT_ONCE, **kwargs)


class BulkInput(StrictSerializer):
    """One thing to do to many assets; `tags` and `collectionId` as the action needs them."""

    action = serializers.ChoiceField(
        choices=["delete", "tag", "untag", "favourite", "unfavourite", "collect", "uncollect"]
    )
    assetIds = AssetIds()
    tags = Tags(required=False, min_length=1)
    collectionId = serializers.UUIDField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        needed = {"tag": "tags", "untag": "tags", "collect": "collectionId", "uncollect": "collectionId"}
        needs = needed.get(attrs["action"])
        for name in ("tags", "collectionId"):
            if name == needs and not attrs.get(name):
                raise serializers.ValidationError({name: ["This action needs it."]}, code="required")
            if name != needs and name in attrs:
                raise serializers.ValidationError({name: ["This action does not take it."]}, code="not_taken")
        return attrs


class AssetIdsInput(StrictSerializer):
    """Assets to put somewhere, or to take out."""

    assetIds = AssetIds()


class CollectionInput(StrictSerializer):
    """A collection to make, or its new title: one that no other of the organization has."""

    title = Line(max_length=_TITLE_MAX_LENGTH)


class ArchiveInput(StrictSerializer):
    """What to put into a zip: assets by their ids, a collection, or what a filter of the list finds."""

    assetIds = AssetIds(required=False)
    collectionId = serializers.UUIDField(required=False)
    filter = serializers.DictField(
        required=False, help_text="Parameters of the list of assets; one that may be repeated is a list."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError("Name one of assetIds, collectionId and filter.", code="one_of")
        return attrs


class SkippedJSON(TypedDict):
    assetId: str
    code: str


class OutcomeJSON(TypedDict):
    """For how many assets it is done, and for which not."""

    done: int
    skipped: list[SkippedJSON]


class CollectionJSON(TypedDict):
    """`covers` are the newest few of its assets."""

    id: str
    title: str
    assets: int
    covers: list[AssetJSON]
    createdAt: str


class CollectionListJSON(TypedDict):
    data: list[CollectionJSON]
    next: str | None


class ArchiveJSON(TypedDict):
    """`url` gives the zip to whoever has it, until it ends; `size` is what the zip will have, in bytes."""

    id: str
    url: str
    expiresAt: str
    assets: int
    size: int
    skipped: list[SkippedJSON]


def outcome_json(outcome: Outcome) -> OutcomeJSON:
    return {
        "done": outcome.done,
        "skipped": [{"assetId": str(asset_id), "code": code} for asset_id, code in outcome.skipped.items()],
    }


def collection_json(shelf: Shelf) -> CollectionJSON:
    collection = shelf.collection
    return {
        "id": str(collection.pk),
        "title": collection.title,
        "assets": shelf.assets,
        "covers": [asset_json(asset) for asset in shelf.covers],
        "createdAt": clock.rfc3339(collection.created_at),
    }


def archive_json(archive: Archive, link: Link) -> ArchiveJSON:
    return {
        "id": str(archive.pk),
        "url": link.url,
        "expiresAt": clock.rfc3339(archive.expires_at),
        "assets": link.assets,
        "size": link.size_bytes,
        "skipped": [{"assetId": str(asset_id), "code": "asset_not_found"} for asset_id in link.skipped],
    }
