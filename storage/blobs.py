"""Objects and the rows that know them: promised, living while assets name them, dying, gone.

The row is written before the object and deleted after it, so a process may die between any two lines and the sweep
still finds what it left. Rows are changed in transactions that lock one blob; the bucket is never called in one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4

import structlog
from django.db.models import Case, Exists, F, OuterRef, Value, When
from django.db.models.functions import Now

from storage import object_store
from storage.inspection import Inspected
from storage.models import Blob, Upload
from storage.sweeping import swept

log = structlog.get_logger(__name__)
State = Blob.State

# A promise is kept within minutes even for the largest file; after this its writer is dead.
ABANDONED_AFTER = timedelta(hours=24)
# How long an address for a PUT is good at most.
PUT_LIFETIME = timedelta(hours=1)
_FREED_PER_SWEEP = 500


class Known(Protocol):
    """Bytes whose hash and length are known."""

    @property
    def sha256(self) -> bytes: ...
    @property
    def size_bytes(self) -> int: ...


def promise(organization_id: UUID, **facts: Any) -> Blob:
    """A row for an object that is about to be written, under a random key, with what is known of it (`facts`)."""
    unknown = {"size_bytes": 0, "content_type": "application/octet-stream"}
    return Blob.objects.create(organization_id=organization_id, object_key=f"blobs/{uuid4()}", **unknown | facts)


def comes_in_parts(blob: Blob, multipart_id: str) -> None:
    """Remember by which id the bucket holds the parts, for the sweep."""
    blob.multipart_id = multipart_id
    blob.save(update_fields=["multipart_id"])


def describe(blob: Blob, facts: Mapping[str, Any]) -> None:
    """Write down what the bytes of a promised blob turned out to be."""
    for name, fact in {"multipart_id": "", **facts}.items():
        setattr(blob, name, fact)
    blob.save(update_fields=["multipart_id", *facts])


def facts(arrived: Known, inspected: Inspected) -> dict[str, Any]:
    """What a blob says of its bytes."""
    return {
        "sha256": arrived.sha256,
        "size_bytes": arrived.size_bytes,
        "content_type": inspected.content_type,
        "width": inspected.width,
        "height": inspected.height,
        "duration_seconds": inspected.duration_seconds,
        "channels": inspected.channels,
    }


def living(organization_id: UUID, sha256: bytes) -> Blob | None:
    """The organization's blob of these bytes. It may be dying by the time it is named: `refer` tells."""
    return Blob.objects.filter(organization_id=organization_id, sha256=sha256, state=State.LIVING).first()


def refer(blob: Blob) -> bool:
    """Count one more asset that names the blob, in the transaction that writes the asset.

    False: it is dying, its bytes must be stored anew. Raises IntegrityError where another blob of the same bytes
    came to life first.
    """
    alive = Blob.objects.filter(pk=blob.pk, state__in=(State.PROMISED, State.LIVING))
    return alive.update(state=State.LIVING, references=F("references") + 1) == 1


def release(blob_ids: Iterable[UUID]) -> None:
    """Count one asset less for each time a blob is named here, in the transaction that takes the names away.

    The last asset leaves its blob dying. Locks the blobs, by their key.
    """
    named = Counter(blob_ids)
    list(Blob.objects.select_for_update(no_key=True).filter(pk__in=named).order_by("pk").values_list("pk"))
    for times in sorted(set(named.values())):
        Blob.objects.filter(pk__in=[blob_id for blob_id, count in named.items() if count == times]).update(
            references=F("references") - times,
            state=Case(When(references=times, then=Value(State.DYING)), default=F("state")),
        )


def discard(blob: Blob) -> None:
    """Give up a promised blob that lost against another of the same bytes; a living one is left alone."""
    Blob.objects.filter(pk=blob.pk, state=State.PROMISED).update(state=State.DYING)


def sweep() -> int:
    """Delete the objects of dying blobs, then their rows once no rendition is left; returns how many went.

    Safe to repeat and to run twice.
    """
    # An upload keeps its promise until it is given up: it may be completed in its last minute and checked long after.
    unfinished = Upload.objects.filter(blob=OuterRef("pk"), state__in=(Upload.State.OPEN, Upload.State.CHECKING))
    abandoned = Blob.objects.filter(~Exists(unfinished), state=State.PROMISED, created_at__lt=Now() - ABANDONED_AFTER)
    abandoned.update(state=State.DYING)
    # The address of a PUT outlives the upload's completion: what comes by it after the deletion is deleted as well.
    by_put = Upload.objects.filter(blob=OuterRef("pk"), part_bytes=0, asset__created_at__gt=Now() - PUT_LIFETIME)
    dying = Blob.objects.filter(state=State.DYING).annotate(is_writable=Exists(by_put))
    freed = 0
    for blob in swept(dying.order_by("is_writable", "created_at")[:_FREED_PER_SWEEP], _delete_object):
        if not blob.is_writable:
            freed += Blob.objects.filter(pk=blob.pk, state=State.DYING, renditions=None).delete()[0]
    return freed


def _delete_object(blob: Blob) -> None:
    if blob.multipart_id:
        object_store.abort_parts(blob.object_key, blob.multipart_id)
    object_store.delete(blob.object_key)
