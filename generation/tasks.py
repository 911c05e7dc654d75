"""Celery's entry points: a ring to claim work, the sweep that rings for whatever was missed, and the worker's end."""

from typing import Any

from celery import shared_task
from celery.signals import worker_shutdown
from django.conf import settings

from core import doorbell
from generation import dispatch as dispatching
from generation import jobs
from generation.runner import is_started, runner


@shared_task
def dispatch(provider: str) -> None:
    """A ring: wake this process's runner for one provider, or hand the ring on where it has no room. Repeatable."""
    if runner().wait_for_room(timeout=1):
        runner().wake(provider)
    else:
        doorbell.ring(provider)


@shared_task
def sweep() -> None:
    """Beat's tick: end back-offs and overdue jobs, then ring for every provider with something to do. Repeatable."""
    jobs.wake_backoffs()
    jobs.expire_overdue()
    for provider in dispatching.waiting_providers():
        doorbell.ring(provider)


@worker_shutdown.connect
def drain(**_: Any) -> None:
    """The worker's last step after SIGTERM: hand back or finish what this process still holds."""
    if is_started():
        runner().drain(settings.DRAIN_SECONDS)
