"""Rings a worker: a Celery message that names a provider or a row and nothing else. Losing one costs time, no work.

Rings are coalesced: a mark in Valkey lives a second, and whoever answers removes it before claiming, so that a job
admitted meanwhile rings again. The sweep rings for whatever was missed.
"""

from contextlib import suppress

from celery import current_app
from kombu.exceptions import OperationalError

from core import postman, valkey

_MARK_MILLISECONDS = 1_000
# While `media` is away the sweep goes on ringing: what lies there longer than this has been rung for again.
_MEDIA_EXPIRES_SECONDS = 600


def ring(provider: str) -> None:
    """Ask some worker to claim jobs of this provider. Best effort: never waits or raises."""
    _ring(_mark(provider), "generation.tasks.dispatch", provider, queue="dispatch")


def answered(provider: str) -> None:
    """Take the mark away; called before claiming, so that no ring in between is swallowed."""
    _answered(_mark(provider))


def ring_media(task: str, about: str) -> None:
    """Ask `media` to run a task about one row. Best effort: never waits or raises; call it after the commit."""
    _ring(_mark(f"{task}:{about}"), task, about, queue="media", expires=_MEDIA_EXPIRES_SECONDS)


def answered_media(task: str, about: str) -> None:
    """Take the mark away; called before claiming, as for a provider."""
    _answered(_mark(f"{task}:{about}"))


def _ring(mark: str, task: str, about: str, *, queue: str, expires: float | None = None) -> None:
    def send() -> None:
        with suppress(OperationalError):
            current_app.send_task(task, args=[about], queue=queue, expires=expires, retry=False)

    postman.mark(mark, milliseconds=_MARK_MILLISECONDS, then=send)


def _answered(mark: str) -> None:
    valkey.quietly(lambda: valkey.client().delete(mark))


def _mark(name: str) -> str:
    return f"ring:{name}"
