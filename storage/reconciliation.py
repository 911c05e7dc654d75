"""Compare the bucket with the rows that know it, both ways, and put right what can be put right safely.

Both are read in the order of their keys and merged, so memory stays constant whatever their size. What the merge
finds is asked for once more by its key before it is told: an upload may have ended meanwhile, and a store that lists
in another order than S3's must not cost an object. A row comes before its object and goes after it, so an object
without a row is nobody's; it is deleted where it lies under our own prefixes. A row whose object is gone stays: its
key and hash are what the bytes can be brought back by.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import merge
from operator import attrgetter
from typing import Literal

import structlog
from django.db.models import Count, F
from django.db.models.functions import Collate

from core import clock
from storage import object_store
from storage.blobs import ABANDONED_AFTER
from storage.models import Blob, Rendition
from storage.object_store import Listed, ObjectMissing

log = structlog.get_logger(__name__)

type Kind = Literal["unknown_object", "missing_object", "wrong_size", "wrong_count", "leftover_parts"]

# Where our objects lie; what else is in the bucket is somebody else's and left alone.
PREFIXES = ("blobs/", "renditions/", "public/")
# A database that knows fewer objects than it does not know is not the one of this bucket.
_UNKNOWN_AT_MOST = 100
_ROWS_AT_ONCE = 2000
# The states in which somebody was told that the bytes are there.
_KEPT = (Blob.State.LIVING, Rendition.State.READY)


class WrongBucket(Exception):
    """Most of the objects are unknown to this database, so none is deleted: is it the bucket of another one?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One disagreement, in words in `detail`; `is_repaired` once it is put right."""

    kind: Kind
    key: str
    detail: str
    size_bytes: int = 0
    multipart_id: str = ""
    is_repaired: bool = False


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was compared: our objects, and rows that have or await one; what did not agree, and what was put right.

    `foreign` objects lie outside our prefixes. `unknown_bytes` is what nobody's objects take up.
    """

    objects: int = 0
    rows: int = 0
    foreign: int = 0
    unknown_bytes: int = 0
    found: Counter[Kind] = field(default_factory=Counter)
    repaired: Counter[Kind] = field(default_factory=Counter)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong, or nothing is any more."""
        return self.found == self.repaired

    def count(self, finding: Finding) -> None:
        self.found[finding.kind] += 1
        self.repaired[finding.kind] += finding.is_repaired
        if finding.kind == "unknown_object":
            self.unknown_bytes += finding.size_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    key: str
    size_bytes: int | None
    state: str


def compare(tally: Tally, *, older_than: timedelta = ABANDONED_AFTER, repair: bool = False) -> Iterator[Finding]:
    """Every disagreement, counted in the tally; objects and parts younger than `older_than` are left out.

    With `repair`, objects nobody knows are deleted and leftover parts thrown away; everything is compared once
    before, and WrongBucket raised where that would empty somebody else's bucket. Raises StoreUnavailable.
    """
    before = clock.now() - older_than
    if repair:
        _check_bucket(before)
    for findings in (_leftovers(before), _miscounts(), _disagreements(tally, before)):
        for finding in findings:
            told = _repaired(finding) if repair else finding
            tally.count(told)
            yield told


def abort_leftovers() -> int:
    """Throw away the parts of uploads that nobody will finish; returns how many. Safe to repeat."""
    return sum(_repaired(finding).is_repaired for finding in _leftovers(clock.now() - ABANDONED_AFTER))


def _check_bucket(before: datetime) -> None:
    tally = Tally()
    for finding in _disagreements(tally, before):
        tally.count(finding)
    unknown = tally.found["unknown_object"]
    if unknown > max(_UNKNOWN_AT_MOST, tally.objects - unknown):
        raise WrongBucket


def _repaired(finding: Finding) -> Finding:
    match finding.kind:
        case "unknown_object":
            object_store.delete(finding.key)
        case "leftover_parts":
            object_store.abort_parts(finding.key, finding.multipart_id)
        case _:
            return finding
    log.info("storage.reconciled", kind=finding.kind, key=finding.key, size_bytes=finding.size_bytes)
    return replace(finding, is_repaired=True)


def _leftovers(before: datetime) -> Iterator[Finding]:
    """Parts that were begun so long ago and belong to no promise."""
    for begun in object_store.multiparts():
        promised = Blob.objects.filter(multipart_id=begun.multipart_id, state=Blob.State.PROMISED)
        if begun.key.startswith(PREFIXES) and begun.begun_at < before and not promised.exists():
            yield Finding(
                kind="leftover_parts",
                key=begun.key,
                multipart_id=begun.multipart_id,
                detail=f"Parts of an upload that began {clock.rfc3339(begun.begun_at)} and was never finished.",
            )


def _miscounts() -> Iterator[Finding]:
    """Bytes whose count of assets is wrong, in one sight of both: too low a count would delete what is in use."""
    counted = Blob.objects.alias(named=Count("assets")).exclude(references=F("named"))
    for key, references, named in counted.values_list("object_key", "references", Count("assets")).iterator():
        detail = f"{named} assets name this object, its row counts {references}."
        yield Finding(kind="wrong_count", key=key, detail=detail)


def _disagreements(tally: Tally, before: datetime) -> Iterator[Finding]:
    for listed, row in _side_by_side(_objects(tally), _rows()):
        tally.rows += row is not None
        finding = _finding(listed, row, before)
        if finding and _is_still_so(finding):
            yield finding


def _finding(listed: Listed | None, row: _Row | None, before: datetime) -> Finding | None:
    if row is None:
        assert listed
        if listed.modified_at >= before:
            return None
        detail = f"No row knows this object of {clock.rfc3339(listed.modified_at)}."
        return Finding(kind="unknown_object", key=listed.key, detail=detail, size_bytes=listed.size_bytes)
    if row.state not in _KEPT:
        return None
    if listed is None:
        return Finding(kind="missing_object", key=row.key, detail="A row names this object, and it is not there.")
    if listed.size_bytes != row.size_bytes:
        detail = f"The object has {listed.size_bytes} bytes, its row says {row.size_bytes}."
        return Finding(kind="wrong_size", key=row.key, detail=detail, size_bytes=listed.size_bytes)
    return None


def _is_still_so(finding: Finding) -> bool:
    """Ask for this one key alone: the listing and the rows were read at different times."""
    row = next(_rows(finding.key), None)
    try:
        size_bytes = object_store.head(finding.key).size_bytes
    except ObjectMissing:
        size_bytes = None
    match finding.kind:
        case "unknown_object":
            return row is None and size_bytes is not None
        case "missing_object":
            return row is not None and row.state in _KEPT and size_bytes is None
        case _:
            return row is not None and row.state in _KEPT and size_bytes not in (None, row.size_bytes)


def _objects(tally: Tally) -> Iterator[Listed]:
    for listed in object_store.objects():
        if listed.key.startswith(PREFIXES):
            tally.objects += 1
            yield listed
        else:
            tally.foreign += 1


def _rows(key: str | None = None) -> Iterator[_Row]:
    """All rows by key, byte by byte as S3 lists, through cursors of the server; or those of one key."""
    chosen = {} if key is None else {"object_key": key}
    return merge(
        *(
            (
                _Row(key=object_key, size_bytes=size_bytes, state=state)
                for object_key, size_bytes, state in model.objects.filter(**chosen)
                .order_by(Collate("object_key", "C"))
                .values_list("object_key", "size_bytes", "state")
                .iterator(_ROWS_AT_ONCE)
            )
            for model in (Blob, Rendition)
        ),
        key=attrgetter("key"),
    )


def _side_by_side(objects: Iterator[Listed], rows: Iterator[_Row]) -> Iterator[tuple[Listed | None, _Row | None]]:
    listed, row = next(objects, None), next(rows, None)
    while listed or row:
        if row is None or (listed and listed.key < row.key):
            yield listed, None
            listed = next(objects, None)
        elif listed is None or row.key < listed.key:
            yield None, row
            row = next(rows, None)
        else:
            yield listed, row
            listed, row = next(objects, None), next(rows, None)
