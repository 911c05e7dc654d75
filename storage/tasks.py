"""What beat rings for storage: every run selects what is due, so a missed or doubled one does no harm."""

from celery import shared_task

from storage import assets, blobs


@shared_task
def sweep() -> None:
    """Let go of expired and abandoned assets, then delete the objects that nothing names any more."""
    assets.sweep()
    blobs.sweep()
