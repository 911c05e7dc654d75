"""`Prefer: wait=N` (RFC 7240): the answer to a POST or GET of a job is held until the job ends, at most 60 seconds.

`PatientAnswers` wraps Django in config/asgi.py. The request runs as ever; when its answer shows a job that still
lives, the answer waits on the hub, costs no thread meanwhile, and then shows the job as it is.
"""

import asyncio
import json
import re
from typing import Any, cast
from uuid import UUID

from asgiref.typing import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    HTTPScope,
    Scope,
)

from generation.hub import Event, events_after, hub
from generation.models import TERMINAL
from generation.progress import job_channel
from storage.streaming import EmptyBody

MAX_SECONDS = 60
_PATHS = re.compile(r"/v1/jobs(/[0-9a-f-]{36}(/retry)?)?")
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,4})", re.IGNORECASE)


class PatientAnswers:
    """An ASGI application that lets answers about living jobs wait for their end."""

    def __init__(self, application: ASGI3Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        seconds = _asked_for(scope) if scope["type"] == "http" else 0
        if not seconds:
            await self._application(scope, receive, send)
            return
        answer = await self._answer(scope, receive)
        job = _living_job(answer)
        if job is not None:
            await _until_it_ends(job, seconds=seconds)
            answer = await self._answer(_as_get(cast(HTTPScope, scope), job), EmptyBody())
        for event in answer:
            await send(event)

    async def _answer(self, scope: Scope, receive: ASGIReceiveCallable) -> list[ASGISendEvent]:
        """The whole answer, kept back: those that come here are one JSON document."""
        events: list[ASGISendEvent] = []

        async def keep(event: ASGISendEvent) -> None:
            events.append(event)

        await self._application(scope, receive, keep)
        return events


def _asked_for(scope: Scope) -> int:
    """How many seconds this request wants to wait; 0 for all that cannot."""
    http = cast(HTTPScope, scope)
    if http["method"] not in {"GET", "POST"} or not _PATHS.fullmatch(http["path"]):
        return 0
    for name, value in http["headers"]:
        if name == b"prefer" and (found := _WAIT.search(value.decode("latin-1"))):
            return min(int(found[1]), MAX_SECONDS)
    return 0


def _living_job(answer: list[ASGISendEvent]) -> UUID | None:
    """The job that an answer is about; None for a list, a problem or an ended job."""
    start: Any = answer[0] if answer else {}
    if start.get("status") not in {200, 202}:
        return None
    body: Any = json.loads(b"".join(cast(Any, event).get("body", b"") for event in answer[1:]) or b"null")
    if not isinstance(body, dict) or "jobId" not in body or body.get("status") in TERMINAL:
        return None
    return UUID(body["jobId"])


async def _until_it_ends(job_id: UUID, *, seconds: float) -> None:
    """Return when the job's final event is written, or the time is up. Joins first, then reads what was before."""
    is_over = asyncio.Event()

    def listen(event: Event) -> None:
        if event.is_final:
            is_over.set()

    channel = job_channel(job_id)
    await hub().join(channel, listen)
    try:
        for event in await events_after(job_id, 0):
            listen(event)
        async with asyncio.timeout(seconds):
            await is_over.wait()
    except TimeoutError:
        pass
    finally:
        await hub().leave(channel, listen)


def _as_get(scope: HTTPScope, job_id: UUID) -> HTTPScope:
    """The same caller asking for the job; no preference, so that the answer comes at once."""
    path = f"/v1/jobs/{job_id}"
    dropped = {b"prefer", b"content-length", b"content-type", b"if-none-match", b"idempotency-key"}
    headers = [(name, value) for name, value in scope["headers"] if name not in dropped]
    return cast(
        HTTPScope,
        dict(scope)
        | {
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
            "state": {},
        },
    )
