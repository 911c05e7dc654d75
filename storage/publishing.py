"""Public pictures: whoever has their address may look, and gets a copy without the file's metadata, never the file.

An asset is public until it is taken back, deleted or expires, whether its bytes may go then or not. The copy belongs to
the blob: it goes, within a minute, with the last public asset of those bytes, and when it comes back it has another
address. What caches outside already
hold they may go on showing: a public picture is one that cannot be called back.

Lock order: asset, then its blob.
"""

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from core.exceptions import NotFound
from storage import delivery, renditions
from storage.exceptions import NotPublishable
from storage.models import Asset, Blob, Rendition
from storage.renditions import PUBLIC

_SWEPT_AT_ONCE = 500


def publish(asset: Asset) -> None:
    """Let anybody see a picture, once its copy was drawn. Safe to repeat.

    Raises NotPublishable for what is no picture or cannot be drawn, NotFound where it was deleted meanwhile.
    """
    if asset.kind != Asset.Kind.IMAGE:
        raise NotPublishable
    with transaction.atomic(durable=True):
        blob_id = _set_public(asset, True)
        if Rendition.objects.filter(blob_id=blob_id, variant=PUBLIC, state=Rendition.State.FAILED).exists():
            raise NotPublishable("No copy of this picture can be drawn, so it cannot be made public.")
        renditions.promise(blob_id, [PUBLIC])
    renditions.ring(blob_id)


def unpublish(asset: Asset) -> None:
    """Make an asset private again. Safe to repeat. Raises NotFound where it was deleted meanwhile."""
    with transaction.atomic(durable=True):
        renditions.withdraw([_set_public(asset, False)])


def public_url(asset: Asset) -> str | None:
    """Where anybody may see the asset, for ever the same picture; None while it is private or its copy is not drawn."""
    if not asset.is_public or asset.blob is None or not settings.CDN_BASE_URL:
        return None
    copies = renditions.ready(asset.blob, [PUBLIC])
    return delivery.public_link(copies[0].object_key) if copies else None


@transaction.atomic(durable=True)
def sweep() -> int:
    """Take back what has expired and is kept on legal hold: nobody may see it, its copy neither; returns how many."""
    due = Asset.objects.filter(expires_at__lte=Now(), deleted_at=None, legal_hold=True, is_public=True)
    rows = list(due.select_for_update(skip_locked=True, no_key=True).order_by("pk")[:_SWEPT_AT_ONCE])
    Asset.objects.filter(pk__in=[row.pk for row in rows]).update(is_public=False)
    blobs = Blob.objects.filter(pk__in={row.blob_id for row in rows if row.blob_id})
    renditions.withdraw(list(blobs.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True)))
    return len(rows)


def _set_public(asset: Asset, is_public: bool) -> UUID:
    """Change the row, and return the id of its blob, which is locked with it."""
    changed = Asset.objects.readable().filter(pk=asset.pk).update(is_public=is_public)
    if not changed or asset.blob_id is None or not renditions.locked_living(asset.blob_id):
        raise NotFound
    asset.is_public = is_public
    return asset.blob_id
