"""Rings a worker: a Celery message that names a provider or a row and nothing else. Losing one costs time, no work.

Rings are coalesced: a mark in Valkey lives a second, and whoever answers removes it before claiming, so that a job
admitted meanwhile rings again. The sweep rings for whatever was missed.
"""

from contextlib import suppress
from uuid import UUID

from celery import current_app
from kombu.exceptions import OperationalError

from core import postman, valkey

_MARK_MILLISECONDS = 1_000


def ring(provider: str) -> None:
    """Ask some worker to claim jobs of this provider. Best effort: never waits or raises."""

    def send() -> None:
        with suppress(OperationalError):
            current_app.send_task("generation.tasks.dispatch", args=[provider], queue="dispatch", retry=False)

    postman.mark(_mark(provider), milliseconds=_MARK_MILLISECONDS, then=send)


def ask(task: str, row_id: UUID, *, queue: str) -> None:
    """Ask some worker to do a task for one row, soon. Best effort as above: its sweep finds what was missed."""

    def send() -> None:
        with suppress(OperationalError):
            current_app.send_task(task, args=[str(row_id)], queue=queue, retry=False)

    postman.mark(f"ask:{task}:{row_id}", milliseconds=_MARK_MILLISECONDS, then=send)


def answered(provider: str) -> None:
    """Take the mark away; called before claiming, so that no ring in between is swallowed."""
    valkey.quietly(lambda: valkey.client().delete(_mark(provider)))


def _mark(provider: str) -> str:
    return f"ring:{provider}"
