"""`Prefer: wait=N` (RFC 7240): the answer to a POST or GET of a job is held until the job ends, at most 60 seconds.

`PatientAnswers` wraps Django in config/asgi.py. The request runs as ever; when its answer shows a job that still
lives, the answer waits on the hub, costs no thread meanwhile, and then shows the job as it is.
"""

import asyncio
import json
import re
from http import HTTPStatus
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
_OF_THE_REQUEST = {b"location", b"idempotency-replayed", b"ratelimit", b"ratelimit-policy"}
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
        http = cast(HTTPScope, scope)
        # Who waits wants to see the end: "not changed yet" would come at once.
        answer = await self._answer(_without(http, {b"if-none-match"}), receive)
        job = _living_job(answer)
        if job is not None:
            await _until_it_ends(job, seconds=seconds)
            answer = _merged(answer, await self._answer(_as_get(http, job), EmptyBody()))
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


def _merged(first: list[ASGISendEvent], last: list[ASGISendEvent]) -> list[ASGISendEvent]:
    """The job as it is now, with what only the first answer says of the request.

    The first answer alone where the caller may submit and not read.
    """
    before, now = cast(Any, first[0]), cast(Any, last[0])
    if now["status"] != HTTPStatus.OK:
        return first
    kept = [(name, value) for name, value in before["headers"] if name.lower() in _OF_THE_REQUEST]
    others = [(name, value) for name, value in now["headers"] if name.lower() not in _OF_THE_REQUEST]
    return [now | {"headers": [*others, *kept]}, *last[1:]]


def _without(scope: HTTPScope, names: set[bytes]) -> HTTPScope:
    headers = [(name, value) for name, value in scope["headers"] if name not in names]
    return cast(HTTPScope, dict(scope) | {"headers": headers})


def _as_get(scope: HTTPScope, job_id: UUID) -> HTTPScope:
    """The same caller asking for the job; no preference, so that the answer comes at once."""
    path = f"/v1/jobs/{job_id}"
    dropped = {b"prefer", b"content-length", b"content-type", b"if-none-match", b"idempotency-key"}
    return cast(
        HTTPScope,
        dict(_without(scope, dropped))
        | {
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "state": {},
        },
    )
