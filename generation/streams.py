"""Server-sent events of one job: an async view that `live` serves, over the same hub as the sockets."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from django.http import HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_GET

from accounts import sessions
from accounts.authentication import principal_of
from accounts.exceptions import RoleForbids
from accounts.principal import Principal
from core import clock
from core.exceptions import BadPage
from core.threads import on_thread
from generation import jobs
from generation.exceptions import NotSignedIn
from generation.hub import Event, events_after, hub
from generation.progress import job_channel

HEARTBEAT_SECONDS = 15
# Who signs out, or loses a key or role, goes on reading for no longer.
RECHECK_SECONDS = 30
_MAX_WAITING_EVENTS = 256


@require_GET
async def job_events(request: HttpRequest, job_id: UUID) -> StreamingHttpResponse:
    """`GET /v1/jobs/{id}/events`: what was written after `Last-Event-ID` or `?after=`, then what comes, to the end."""
    after = _after(request.headers.get("Last-Event-ID") or request.GET.get("after"))
    principal = await on_thread(_authorise, request, job_id)
    response = StreamingHttpResponse(_stream(principal, job_id, after), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    # Proxies that buffer would keep the news to themselves.
    response["X-Accel-Buffering"] = "no"
    return response


async def _stream(principal: Principal, job_id: UUID, after: int) -> AsyncIterator[bytes]:
    checked_at = clock.monotonic()
    news: asyncio.Queue[Event] = asyncio.Queue(_MAX_WAITING_EVENTS)

    def listen(event: Event) -> None:
        # A reader this slow has lost its place: it reads the rows again.
        if not news.full():
            news.put_nowait(event)

    channel = job_channel(job_id)
    await hub().join(channel, listen)
    try:
        last = after
        replay = await events_after(job_id, after)
        hub().share(channel, replay)
        yield b": hello\n\n"
        while True:
            for event in replay:
                if event.seq > last:
                    last = event.seq
                    yield f"id: {event.seq}\ndata: {event.body}\n\n".encode()
                    if event.is_final:
                        return
            if clock.monotonic() - checked_at > RECHECK_SECONDS:
                checked_at = clock.monotonic()
                if not await on_thread(sessions.may_go_on, principal, "jobs:read"):
                    return
            try:
                event = await asyncio.wait_for(news.get(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield b": still here\n\n"
                replay = await events_after(job_id, last)
            else:
                replay = [event] if event.seq <= last + 1 else await events_after(job_id, last)
    finally:
        await hub().leave(channel, listen)


def _authorise(request: HttpRequest, job_id: UUID) -> Principal:
    principal = principal_of(request)
    if principal is None:
        raise NotSignedIn
    if not principal.may("jobs:read"):
        raise RoleForbids
    jobs.find(principal.organization_id, job_id)
    return principal


def _after(text: str | None) -> int:
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadPage("after is the id of the last event you have.")
    return int(text)
