"""Objects and the rows that know them: promised, living while assets name them, dying, gone.

The row is written before the object and deleted after it, so a process may die between any two lines and the sweep
still finds what it left. Rows are changed in transactions that lock one blob; the bucket is never called in one.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog
from django.db.models import Case, F, Value, When
from django.db.models.functions import Now

from storage import object_store
from storage.exceptions import StoreUnavailable
from storage.inspection import Inspected
from storage.models import Blob

log = structlog.get_logger(__name__)
State = Blob.State

# A promise is kept within minutes even for the largest file; after this its writer is dead.
ABANDONED_AFTER = timedelta(hours=24)
_FREED_PER_SWEEP = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Bytes in a file, and what is known of them."""

    path: Path
    sha256: bytes
    size_bytes: int
    inspected: Inspected


def stored(organization_id: uuid.UUID, content: Content) -> Blob:
    """The organization's blob of these bytes: the living one, else a new promised one whose object is in place.

    It may be dying by the time it is named: `refer` tells. Raises StoreUnavailable.
    """
    living = Blob.objects.filter(organization_id=organization_id, sha256=content.sha256, state=State.LIVING).first()
    if living:
        return living
    promised = Blob.objects.create(
        organization_id=organization_id,
        sha256=content.sha256,
        size_bytes=content.size_bytes,
        content_type=content.inspected.content_type,
        width=content.inspected.width,
        height=content.inspected.height,
        object_key=f"blobs/{uuid.uuid4()}",
    )
    object_store.put_file(content.path, promised.object_key, content_type=promised.content_type, sha256=content.sha256)
    return promised


def refer(blob: Blob) -> bool:
    """Count one more asset that names the blob, in the transaction that writes the asset.

    False: it is dying, its bytes must be stored anew. Raises IntegrityError where another blob of the same bytes
    came to life first.
    """
    alive = Blob.objects.filter(pk=blob.pk, state__in=(State.PROMISED, State.LIVING))
    return alive.update(state=State.LIVING, references=F("references") + 1) == 1


def release(blob_id: uuid.UUID) -> None:
    """Count one asset less, in the transaction that takes its name away; the last one leaves the blob dying."""
    Blob.objects.filter(pk=blob_id).update(
        references=F("references") - 1,
        state=Case(When(references=1, then=Value(State.DYING)), default=F("state")),
    )


def discard(blob: Blob) -> None:
    """Give up a promised blob that lost against another of the same bytes; a living one is left alone."""
    Blob.objects.filter(pk=blob.pk, state=State.PROMISED).update(state=State.DYING)


def sweep() -> int:
    """Delete the objects of dying blobs, then their rows; returns how many. Safe to repeat and to run twice."""
    Blob.objects.filter(state=State.PROMISED, created_at__lt=Now() - ABANDONED_AFTER).update(state=State.DYING)
    freed = 0
    for blob in Blob.objects.filter(state=State.DYING).order_by("created_at")[:_FREED_PER_SWEEP]:
        try:
            object_store.delete(blob.object_key)
        except StoreUnavailable:
            log.warning("storage.sweep_stopped", freed=freed, exc_info=True)
            break
        freed += Blob.objects.filter(pk=blob.pk, state=State.DYING).delete()[0]
    return freed
