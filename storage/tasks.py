"""Celery's entry points for storage: beat's ticks, and rings for what `media` is to draw or to look at.

Every run selects what is due, so a missed or doubled one does no harm.
"""

from uuid import UUID

from celery import shared_task

from storage import archives, assets, blobs, publishing, reconciliation, renditions, uploads


@shared_task
def sweep() -> None:
    """Let go of expired and abandoned assets and uploads, then delete the objects that nothing names any more."""
    archives.sweep()
    uploads.sweep()
    assets.sweep()
    publishing.sweep()
    renditions.sweep()
    blobs.sweep()


@shared_task
def check_upload(upload_id: str) -> None:
    """Look at the bytes of a completed upload. Repeatable."""
    uploads.check(UUID(upload_id))


@shared_task
def abort_leftovers() -> None:
    """Throw away what the bucket holds of uploads that nobody will finish."""
    reconciliation.abort_leftovers()


@shared_task
def draw_renditions(blob_id: str) -> None:
    """A ring: draw what is promised of this blob. Repeatable."""
    renditions.draw(UUID(blob_id))
