"""What beat and the doorbell ring for storage. Every run selects what is due: a missed or doubled one does no harm."""

from uuid import UUID

from celery import shared_task

from storage import assets, blobs, reconciliation, uploads


@shared_task
def sweep() -> None:
    """Let go of expired and abandoned assets and uploads, then delete the objects that nothing names any more."""
    uploads.sweep()
    assets.sweep()
    blobs.sweep()


@shared_task
def check_upload(upload_id: str) -> None:
    """Look at the bytes of a completed upload. Repeatable."""
    uploads.check(UUID(upload_id))


@shared_task
def abort_leftovers() -> None:
    """Throw away what the bucket holds of uploads that nobody will finish."""
    reconciliation.abort_leftovers()
