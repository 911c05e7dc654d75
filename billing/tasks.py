"""What beat rings for billing: safe to run twice, late, or at once."""

import structlog
from celery import shared_task

from billing import plans

log = structlog.get_logger(__name__)


@shared_task
def grant_due() -> None:
    """Grant the plans' periods that have begun."""
    if organizations := plans.grant_due():
        log.info("plan credits granted", organizations=organizations)
