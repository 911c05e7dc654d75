"""Finding assets by what they are, when they were made and what their prompts say, among a million as among ten."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_
from secrets import randbits
from uuid import UUID

from django.contrib.postgres.search import Lexeme, SearchQuery
from django.db import connection, transaction
from django.db.models import QuerySet

from storage.models import Asset

# Some milliseconds of a core; what is met less often than once in a hundred of these is looked up instead.
_WALKED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What somebody looks for among an organization's assets."""

    organization_id: UUID
    # Narrowed to all that was asked for, but not to the organization.
    rows: QuerySet[Asset]
    # Bounds of the key, for assets made since one time and before another.
    first: UUID | None = None
    end: UUID | None = None
    # Whether anything was asked for at all.
    is_narrowed: bool = True
    # Whether only assets are asked for that people put together by hand: a user's stars, a collection.
    is_handpicked: bool = False


def key_at(moment: datetime, *, is_end: bool = False) -> UUID:
    """A bound for keys that were made at a time, which begin with its milliseconds."""
    return UUID(int=max(int(moment.timestamp() * 1000), 0) + is_end << 80)


def key_from(moment: datetime) -> UUID:
    """A key as Postgres would have given it then: what is older than its row is listed and found by its own age."""
    milliseconds = max(int(moment.timestamp() * 1000), 0)
    return UUID(int=milliseconds << 80 | 7 << 76 | randbits(12) << 64 | 2 << 62 | randbits(62))


def matching(rows: QuerySet[Asset], text: str) -> QuerySet[Asset]:
    """Those whose prompt or file name has every word of a text; of the last one, the beginning will do."""
    # Without a letter or digit a word says nothing to Postgres, and Django's Lexeme breaks on what it has to escape.
    words = [word for word in text.split() if any(character.isalnum() for character in word)]
    if not words:
        return rows.none()
    *whole, last = words
    lexemes = [*(Lexeme(word) for word in whole), Lexeme(last, prefix=True)]
    return rows.filter(search=SearchQuery(reduce(and_, lexemes), config="simple"))


def newest(search: Search, *, before: UUID | None = None, count: int) -> list[Asset]:
    """At most `count` of what is looked for, newest first, from before a key if one is given.

    What many assets are is met soon on a walk from the newest on; what few are, an index names. Which of the two it
    is in this organization Postgres cannot know: its statistics are over all organizations, and of the beginning of a
    word it has none. A wrong guess costs it seconds in a library of a million, so nothing is left to it: the walk
    comes first and is a short one.
    """
    # The keys first and alone, so that nothing that is shown beside an asset is read in an odd way, or for too many.
    keys = _keys(search, min((key for key in (before, search.end) if key), default=None), count)
    return list(search.rows.filter(pk__in=keys).order_by("-pk"))


def _keys(search: Search, end: UUID | None, count: int) -> list[UUID]:
    narrowed = _within(search.rows.filter(organization_id=search.organization_id), search.first, end)
    own = narrowed.order_by("-pk").values_list("pk", flat=True)
    if search.is_handpicked:
        return list(own[:count])
    # As a range of one, so that only the index of the library has the order: the one of all keys has it, too, and
    # leads through every other organization's rows.
    ranged = {"organization_id__gte": search.organization_id, "organization_id__lte": search.organization_id}
    every, walk = (
        _within(rows.filter(**ranged), search.first, end)
        .order_by("organization_id", "-pk")
        .values_list("pk", flat=True)
        for rows in (Asset.objects.filter(deleted_at=None), search.rows)
    )
    if not search.is_narrowed:
        return list(walk[:count])
    with transaction.atomic():
        with _planned_without("bitmapscan", "sort"):
            end_of_walk = every[_WALKED : _WALKED + 1].first()
            met = list(_within(walk, end_of_walk, None)[:count])
        if len(met) == count or end_of_walk is None:
            return met
        with _planned_without("indexscan", "indexonlyscan", "seqscan"):
            return list(own[:count])


def _within[Row](rows: QuerySet[Asset, Row], first: UUID | None, end: UUID | None) -> QuerySet[Asset, Row]:
    if first:
        rows = rows.filter(pk__gte=first)
    return rows.filter(pk__lt=end) if end else rows


@contextmanager
def _planned_without(*ways: str) -> Iterator[None]:
    """Let Postgres not consider these ways to read, in the open transaction, for as long as the block lasts."""
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET LOCAL enable_{way} = off" for way in ways))
        yield
        cursor.execute("; ".join(f"SET LOCAL enable_{way} = on" for way in ways))
