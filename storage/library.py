"""What people note on their assets: names, tags, stars; and what they do to many at once.

Lock order: assets by their key, then blobs.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.db import transaction

from accounts.principal import Principal
from storage import assets, collections
from storage.exceptions import AssetNotFound, OnLegalHold, TooManyTags
from storage.models import Asset, Favourite

MOST_TAGS = 20
TAG_MAX_LENGTH = 50
_CONTROL = {"Cc", "Cs", "Zl", "Zp"}

type Action = Literal["delete", "tag", "untag", "favourite", "unfavourite", "collect", "uncollect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """For how many assets an action holds now, and the others with the code of the reason."""

    done: int
    skipped: Mapping[UUID, str]


def is_one_line(text: str) -> bool:
    """Whether a text has no control characters, line breaks among them."""
    return not any(unicodedata.category(character) in _CONTROL for character in text)


def tidy_tags(tags: Iterable[str]) -> list[str]:
    """As they are kept: composed, in their order, each once whatever its case."""
    kept: dict[str, str] = {}
    for tag in tags:
        composed = unicodedata.normalize("NFC", tag.strip())
        kept.setdefault(composed.casefold(), composed)
    return list(kept.values())


def note(principal: Principal, asset_id: UUID, changes: Mapping[str, object]) -> bool:
    """Change what is noted on an asset: `tags` (tidy), `filename`, `favourite` (the principal's own).

    False where there is no such asset to read.
    """
    columns = {name: value for name, value in changes.items() if name != "favourite"}
    with transaction.atomic(durable=True):
        if not assets.lock(principal.organization_id, [asset_id]):
            return False
        if columns:
            Asset.objects.filter(pk=asset_id).update(**columns)
        if "favourite" in changes:
            _star(principal, [asset_id], is_on=bool(changes["favourite"]))
    return True


def act(
    principal: Principal,
    action: Action,
    asset_ids: Sequence[UUID],
    *,
    tags: Sequence[str] = (),
    collection_id: UUID | None = None,
) -> Outcome:
    """Do one thing to many assets, in one transaction; repeatable. Tags come tidy.

    An asset that cannot be read is skipped, as is what is on legal hold and to be deleted, and what would have too
    many tags. Raises CollectionNotFound.
    """
    with transaction.atomic(durable=True):
        if collection_id:
            collections.lock(principal.organization_id, collection_id)
        rows = assets.lock(principal.organization_id, asset_ids)
        found = {row.pk for row in rows}
        skipped = {asset_id: AssetNotFound.code for asset_id in asset_ids if asset_id not in found}
        match action:
            case "delete":
                skipped |= {row.pk: OnLegalHold.code for row in rows if row.legal_hold}
                assets.let_go([row for row in rows if not row.legal_hold])
            case "tag" | "untag":
                skipped |= _retag(rows, tags, is_added=action == "tag")
            case "favourite" | "unfavourite":
                _star(principal, found, is_on=action == "favourite")
            case "collect" | "uncollect":
                assert collection_id
                collections.put(collection_id, found, is_in=action == "collect")
    return Outcome(done=len(set(asset_ids) - skipped.keys()), skipped=skipped)


def _retag(rows: Iterable[Asset], tags: Sequence[str], *, is_added: bool) -> dict[UUID, str]:
    named = {tag.casefold() for tag in tags}
    changed, skipped = [], {}
    for row in rows:
        before = row.tags
        row.tags = tidy_tags([*before, *tags]) if is_added else [tag for tag in before if tag.casefold() not in named]
        if len(row.tags) > max(MOST_TAGS, len(before)):
            skipped[row.pk] = TooManyTags.code
        elif row.tags != before:
            changed.append(row)
    Asset.objects.bulk_update(changed, ["tags"])
    return skipped


def _star(principal: Principal, asset_ids: Collection[UUID], *, is_on: bool) -> None:
    if is_on:
        stars = [Favourite(user_id=principal.user_id, asset_id=asset_id) for asset_id in asset_ids]
        Favourite.objects.bulk_create(stars, ignore_conflicts=True)
    else:
        Favourite.objects.filter(user_id=principal.user_id, asset_id__in=asset_ids).delete()
