"""What beat rings for usage: each finds its work by Postgres's clock and may run twice, late, or at once."""

import structlog
from celery import shared_task
from prometheus_client import Gauge

from usage import ledger

log = structlog.get_logger(__name__)
_drift = Gauge(
    "ledger_drift", "Findings of the last proof of the ledger; 0 is the goal.", multiprocess_mode="mostrecent"
)


@shared_task
def expire_grants() -> None:
    """Take what is left in grants past their end. Nobody waits for it: they are not drawn any more."""
    if wallets := ledger.expire_grants():
        log.info("grants expired", wallets=wallets)


@shared_task
def verify() -> None:
    """Prove the ledger; what does not add up is an error in the log and the metric that alarms."""
    proof = ledger.verify()
    _drift.set(len(proof.errors))
    if proof.ok:
        log.info("ledger verified", entries=proof.checked)
    else:
        log.error("ledger drift", findings=len(proof.errors), first=proof.errors[:20], entries=proof.checked)
