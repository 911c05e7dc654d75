"""Collections: named sets that an organization puts its assets into. Deleting one lets the assets be."""

from collections.abc import Collection as Many
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import IntegrityError, transaction
from django.db.models import F, Func, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.principal import Principal
from core.exceptions import NotFound
from storage.exceptions import CollectionNotFound, TitleTaken
from storage.models import Asset, Collection, CollectionEntry

_COVERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A collection with the number of assets that can be read in it, and the newest few."""

    collection: Collection
    assets: int
    covers: list[Asset]


def of(organization_id: UUID) -> QuerySet[Collection]:
    """The organization's collections."""
    return Collection.objects.filter(organization_id=organization_id)


def find(organization_id: UUID, collection_id: UUID) -> Collection:
    """Raises NotFound, alike for an absent one and another organization's."""
    collection = of(organization_id).filter(pk=collection_id).first()
    if collection is None:
        raise NotFound
    return collection


def shelves(collections: Iterable[Collection], *, seen_by: UUID) -> list[Shelf]:
    """These collections as they are shown to a user, in two queries."""
    inside = Asset.objects.readable().filter(collections=OuterRef("pk")).order_by()
    count = inside.annotate(one=Func(F("pk"), function="count", output_field=IntegerField())).values("one")
    rows = Collection.objects.filter(pk__in=[collection.pk for collection in collections]).annotate(
        count=Coalesce(Subquery(count), 0), newest=ArraySubquery(inside.order_by("-pk").values("pk")[:_COVERS])
    )
    counted = {row.pk: (row.count, row.newest) for row in rows}
    named = {pk for _, newest in counted.values() for pk in newest}
    covers = Asset.objects.readable().seen_by(seen_by).with_bytes().in_bulk(named)
    return [
        Shelf(
            collection=collection,
            assets=counted[collection.pk][0],
            covers=[covers[pk] for pk in counted[collection.pk][1] if pk in covers],
        )
        for collection in collections
    ]


def create(principal: Principal, title: str) -> Collection:
    """An empty collection. Raises TitleTaken."""
    return _titled(Collection(organization_id=principal.organization_id, user_id=principal.user_id, title=title))


def rename(collection: Collection, title: str) -> Collection:
    """Raises TitleTaken, and NotFound where it was deleted meanwhile."""
    collection.title = title
    return _titled(collection, force_update=True)


def lock(organization_id: UUID, collection_id: UUID) -> None:
    """Keep a collection from being deleted until the transaction ends. Raises CollectionNotFound."""
    if not of(organization_id).select_for_update(no_key=True).filter(pk=collection_id).exists():
        raise CollectionNotFound


def delete(organization_id: UUID, collection_id: UUID) -> bool:
    """Delete a collection, after whoever is putting assets into it; they stay. False where there is none."""
    with transaction.atomic(durable=True):
        rows = of(organization_id).select_for_update().filter(pk=collection_id)
        found = rows.first()
        if found:
            found.delete()
    return found is not None


def put(collection_id: UUID, asset_ids: Many[UUID], *, is_in: bool) -> None:
    """Put assets in, or take them out; repeatable. Call it in a transaction that holds all their locks."""
    if is_in:
        entries = [CollectionEntry(collection_id=collection_id, asset_id=asset_id) for asset_id in asset_ids]
        CollectionEntry.objects.bulk_create(entries, ignore_conflicts=True)
    else:
        CollectionEntry.objects.filter(collection_id=collection_id, asset_id__in=asset_ids).delete()


def _titled(collection: Collection, *, force_update: bool = False) -> Collection:
    try:
        with transaction.atomic():
            collection.save(force_update=force_update)
    except IntegrityError:
        raise TitleTaken from None
    except Collection.NotUpdated:
        raise NotFound from None
    return collection
