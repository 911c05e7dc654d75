"""Other forms of pictures, from a fixed list: promised in a row, drawn once in `media`, kept in the bucket.

    promised -> ready | failed;  any of them -> dying -> gone

Whoever wants one writes the promise, under the lock of a living blob, and rings. Who draws claims the promise first,
so that one process draws it however many asked or rang; a claim that is not kept in time is anybody's again. A row is
written before its object and deleted after it, and one that somebody may be drawing at this moment is not deleted.

Lock order: asset, its blob, then renditions. The bucket is never called inside a transaction.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import timedelta
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils.text import get_text_list

from core import children, doorbell, scratch
from core.children import ChildFailed
from storage import object_store, resizing
from storage.blobs import ABANDONED_AFTER
from storage.exceptions import StoreUnavailable, UnknownRendition
from storage.models import Asset, Blob, Rendition
from storage.object_store import ObjectMissing
from storage.resizing import Format, Rendered, Size, Undrawable
from storage.sweeping import swept

log = structlog.get_logger(__name__)
State = Rendition.State

WIDTHS = (160, 320, 640, 1280, 2048)
FORMATS: tuple[Format, ...] = ("webp", "avif", "jpeg")
SIZES = {f"{format}-{width}": Size(width=width, format=format) for format in FORMATS for width in WIDTHS}
# The whole picture without metadata, which anybody may read.
PUBLIC = "public"
VARIANTS = (*SIZES, PUBLIC)
_THUMBNAIL_WIDTHS = (320, 640)
_TASK = "storage.tasks.draw_renditions"

# Celery has killed whoever claimed it by then (CELERY_TASK_TIME_LIMIT).
TAKEN_OVER_AFTER = timedelta(minutes=5)
# A ring that was heard has been answered by then, unless `media` has more to do than it can.
RUNG_AGAIN_AFTER = timedelta(minutes=1)
# Large pictures in slow formats on a busy machine.
_DRAW_SECONDS = 60
_SWEPT_AT_ONCE = 500


def thumbnails(blob: Blob) -> list[str]:
    """The variants that every picture has without being asked; one where a wider one would be the same."""
    if not blob.content_type.startswith("image/"):
        return []
    return list(dict.fromkeys(_variant(blob, width, "webp") for width in _THUMBNAIL_WIDTHS))


def promise(blob_id: uuid.UUID, variants: Collection[str]) -> None:
    """Write down that these are wanted of a living blob that the caller's transaction has locked; `ring` after it.

    What was promised, drawn or found impossible before stays as it is.
    """
    rows = [Rendition(blob_id=blob_id, variant=variant, object_key=_key(variant)) for variant in variants]
    Rendition.objects.bulk_create(rows, ignore_conflicts=True)


def ring(blob_id: uuid.UUID) -> None:
    """Have what is promised of a blob drawn. Best effort: never waits or raises."""
    doorbell.ring_media(_TASK, str(blob_id))


def find(blob: Blob, *, width: str, format: str) -> Rendition | None:
    """The picture about so wide, if it was drawn; where it was not yet, it is promised and rung for.

    None also where it cannot be drawn. Raises UnknownRendition for what is not on the list.
    """
    if width not in map(str, WIDTHS) or format not in FORMATS:
        listed = get_text_list(list(map(str, WIDTHS)), "or"), get_text_list(list[str](FORMATS), "or")
        raise UnknownRendition("Pictures are to be had with w={} and format={}.".format(*listed))
    variant = _variant(blob, int(width), format)
    found = current(blob, variant)
    if found is None:
        with transaction.atomic(durable=True):
            if locked_living(blob.pk):
                promise(blob.pk, [variant])
    if found is None or found.state == State.PROMISED:
        ring(blob.pk)
    return found if found and found.state == State.READY else None


def current(blob: Blob, variant: str) -> Rendition | None:
    """The rendition in whatever state but dying; without a query where the renditions were prefetched."""
    rows = (row for row in blob.renditions.all() if row.variant == variant and row.state != State.DYING)
    return next(rows, None)


def ready(blob: Blob, variants: Collection[str]) -> list[Rendition]:
    """Those of these that can be read, narrowest first; without a query where the renditions were prefetched."""
    found = [row for row in blob.renditions.all() if row.variant in variants and row.state == State.READY]
    return sorted(found, key=lambda row: row.width or 0)


def locked_living(blob_id: uuid.UUID) -> bool:
    """Lock the blob for this transaction; False where it is dying or gone and nothing of it may be promised."""
    rows = Blob.objects.select_for_update(no_key=True).filter(pk=blob_id, state=Blob.State.LIVING)
    return rows.first() is not None


def withdraw(blob_ids: Collection[uuid.UUID]) -> None:
    """Let the public copies go that no asset shows any more, in a transaction that has the blobs locked."""
    if blob_ids:
        shown = Asset.objects.filter(blob_id=OuterRef("blob_id"), is_public=True)
        copies = Rendition.objects.filter(blob_id__in=blob_ids, variant=PUBLIC).exclude(state=State.DYING)
        copies.filter(~Exists(shown)).update(state=State.DYING)


def draw(blob_id: uuid.UUID) -> int:
    """Draw what is promised of a blob and nobody else is drawing, and its placeholder; returns how many became ready.

    For `media`. Safe to repeat and to run twice at once. Where the bucket is away the claim runs out, and the sweep
    rings again.
    """
    doorbell.answered_media(_TASK, str(blob_id))
    claimed, given_up = _claim(blob_id)
    if not claimed:
        return 0
    try:
        for key in given_up:
            # Whoever had it before may have stored it and died before saying so: a put finds no other's bytes.
            object_store.delete(key)
        with TemporaryDirectory(prefix="renditions-", dir=scratch.folder()) as folder:
            return _draw_claimed(claimed, Path(folder))
    except StoreUnavailable:
        log.warning("renditions.store_unavailable", blobId=str(blob_id), exc_info=True)
        return 0


def sweep() -> int:
    """Ring for lost promises, delete the objects of dying renditions, then their rows; returns how many went."""
    Rendition.objects.filter(blob__state=Blob.State.DYING).exclude(state=State.DYING).update(state=State.DYING)
    promised = Rendition.objects.filter(state=State.PROMISED)
    # Tried for a day in vain.
    promised.filter(claimed_at__isnull=False, created_at__lt=Now() - ABANDONED_AFTER).update(state=State.DYING)
    unheard = Q(claimed_at=None, created_at__lt=Now() - RUNG_AGAIN_AFTER)
    lost = promised.filter(unheard | Q(claimed_at__lt=Now() - TAKEN_OVER_AFTER))
    for blob_id in lost.values_list("blob_id", flat=True).distinct()[:_SWEPT_AT_ONCE]:
        ring(blob_id)
    return _delete_dying()


def _variant(blob: Blob, width: int, format: Format) -> str:
    """Nothing is enlarged: of a small picture the wider sizes are all the same, and the narrowest of them is made."""
    enough = min(width, blob.width or width)
    return f"{format}-{min(listed for listed in WIDTHS if listed >= enough)}"


def _key(variant: str) -> str:
    return f"{'public' if variant == PUBLIC else 'renditions'}/{uuid.uuid4()}"


@transaction.atomic(durable=True)
def _claim(blob_id: uuid.UUID) -> tuple[list[Rendition], list[str]]:
    """The promises of a blob that are now this process's to keep, and the keys that another may have written to."""
    free = Q(claimed_at=None) | Q(claimed_at__lt=Now() - TAKEN_OVER_AFTER)
    promised = Rendition.objects.filter(free, blob_id=blob_id, state=State.PROMISED, blob__state=Blob.State.LIVING)
    found = list(promised.select_for_update(of=("self",)).order_by("pk"))
    mine = Rendition.objects.filter(pk__in=[row.pk for row in found])
    mine.update(claimed_at=Now())
    return list(mine.select_related("blob")), [row.object_key for row in found if row.claimed_at]


def _still_mine(rows: Sequence[Rendition]) -> QuerySet[Rendition]:
    """Of what was claimed at once, what was neither let go of nor taken over since."""
    claimed_at = rows[0].claimed_at
    return Rendition.objects.filter(pk__in=[row.pk for row in rows], state=State.PROMISED, claimed_at=claimed_at)


def _draw_claimed(claimed: Sequence[Rendition], folder: Path) -> int:
    blob, original = claimed[0].blob, folder / "original"
    try:
        object_store.download(blob.object_key, original)
    except ObjectMissing:
        # The blob died meanwhile, and its renditions with it.
        _still_mine(claimed).update(state=State.FAILED, claimed_at=None)
        return 0
    made = 0
    for kind in (*FORMATS, PUBLIC):
        rows = [row for row in claimed if row.variant.partition("-")[0] == kind]
        drawn = _drawn(rows, original, folder)
        if drawn and blob.placeholder is None:
            _hold_place(blob, min(drawn, key=lambda one: one.width).path)
        made += sum(_keep(row, one) for row, one in zip(rows, drawn, strict=False))
    return made


def _drawn(rows: Sequence[Rendition], original: Path, folder: Path) -> list[Rendered]:
    """One for each of these rows of one kind; none where they cannot be drawn, which their rows then say."""
    if not rows:
        return []
    try:
        return _drawn_in_child(rows, original, folder)
    except (Undrawable, ChildFailed) as failure:
        log.warning("renditions.undrawable", blobId=str(rows[0].blob_id), variant=rows[0].variant, reason=str(failure))
        _still_mine(rows).update(state=State.FAILED, claimed_at=None)
        return []


def _drawn_in_child(
    rows: Sequence[Rendition], original: Path, folder: Path, *, is_last_try: bool = False
) -> list[Rendered]:
    try:
        if rows[0].variant == PUBLIC:
            return [children.run(resizing.copy, original, folder, timeout=_DRAW_SECONDS)]
        sizes = [SIZES[row.variant] for row in rows]
        return children.run(resizing.render, original, sizes, folder, timeout=_DRAW_SECONDS)
    except ChildFailed as failure:
        if failure.reason != "crash" or is_last_try:
            raise
        # The kernel may have taken the child for what others did to the machine's memory.
        return _drawn_in_child(rows, original, folder, is_last_try=True)


def _hold_place(blob: Blob, picture: Path) -> None:
    try:
        blob.placeholder = children.run(resizing.placeholder, picture)
    except (Undrawable, ChildFailed) as failure:
        log.warning("renditions.no_placeholder", blobId=str(blob.pk), reason=str(failure))
        return
    Blob.objects.filter(pk=blob.pk).update(placeholder=blob.placeholder)


def _keep(row: Rendition, drawn: Rendered) -> bool:
    """Store what was drawn and say so in its row; False where the row has been let go of meanwhile."""
    with drawn.path.open("rb") as file:
        sha256 = file_digest(file, "sha256").digest()
    object_store.put_file(drawn.path, row.object_key, content_type=drawn.content_type, sha256=sha256)
    is_kept = _still_mine([row]).update(
        state=State.READY,
        claimed_at=None,
        content_type=drawn.content_type,
        sha256=sha256,
        size_bytes=drawn.path.stat().st_size,
        width=drawn.width,
        height=drawn.height,
    )
    if not is_kept and not Rendition.objects.filter(pk=row.pk).exclude(state=State.DYING).exists():
        # The sweep leaves the row until here, so no object is left behind.
        object_store.delete(row.object_key)
        Rendition.objects.filter(pk=row.pk).update(claimed_at=None)
    return bool(is_kept)


def _delete_dying() -> int:
    at_rest = Q(claimed_at=None) | Q(claimed_at__lt=Now() - TAKEN_OVER_AFTER)
    dying = Rendition.objects.filter(at_rest, state=State.DYING).order_by("created_at")[:_SWEPT_AT_ONCE]
    deleted = swept(dying, lambda row: object_store.delete(row.object_key))
    return sum(Rendition.objects.filter(pk=row.pk).delete()[0] for row in deleted)
