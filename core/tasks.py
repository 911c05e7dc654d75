"""Celery's way into core's sweeps."""

from celery import shared_task

from core import idempotency


@shared_task
def expire_idempotency_records() -> None:
    idempotency.expire()
