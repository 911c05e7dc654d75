"""Bodies read as they arrive. Django's ASGI handler writes a whole body to disk before it asks who sent it.

`StreamedUploads` wraps it in config/asgi.py and keeps the body of an upload out of its hands; the view asks for it
with `body_chunks` once it knows the caller. Under WSGI the server streams anyway, and the same call reads that.
"""

import asyncio
from collections.abc import Iterator

from asgiref.sync import async_to_sync
from asgiref.typing import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    HTTPScope,
    Scope,
)
from django.db import connection
from django.http import HttpRequest

from core import clock
from storage.exceptions import UploadInterrupted

UPLOAD_PATH = "/v1/assets"
_RECEIVE = "storage.receive"
# Each turn between the view's thread and the event loop brings at least this much, within this time: who is slower
# holds a thread for too long, and uploads in parts by presigned addresses instead.
_CHUNK_BYTES = 256 * 1024
_CHUNK_SECONDS = 60
_BODY_SECONDS = 3_600


class StreamedUploads:
    """An ASGI application that hands uploads to Django with an empty body and the means to read the real one."""

    def __init__(self, application: ASGI3Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != UPLOAD_PATH:
            await self._application(scope, receive, send)
            return
        await self._application(_with_receive(scope, receive), EmptyBody(), send)


class EmptyBody:
    """What Django receives: a body of no bytes, and then nothing more until it stops asking."""

    def __init__(self) -> None:
        self._is_sent = False

    async def __call__(self) -> ASGIReceiveEvent:
        if self._is_sent:
            await asyncio.Event().wait()
        self._is_sent = True
        return {"type": "http.request", "body": b"", "more_body": False}


def body_chunks(request: HttpRequest) -> Iterator[bytes]:
    """The request's body in pieces; blocks this thread between them. Raises UploadInterrupted, also when it is slow."""
    scope = getattr(request, "scope", {})
    receive: ASGIReceiveCallable | None = scope.get(_RECEIVE)
    if receive is None:
        while chunk := request.read(_CHUNK_BYTES):
            yield chunk
        return
    # Who sends slowly may hold a thread of `live`, but no connection to Postgres.
    connection.close()
    next_chunk = async_to_sync(_next_chunk)
    is_complete, ends_at = False, clock.monotonic() + _BODY_SECONDS
    while not is_complete:
        chunk, is_complete = next_chunk(receive)
        if clock.monotonic() > ends_at:
            raise UploadInterrupted
        yield chunk


async def _next_chunk(receive: ASGIReceiveCallable) -> tuple[bytes, bool]:
    """At least _CHUNK_BYTES unless the body ends, and whether it did."""
    chunk = bytearray()
    try:
        async with asyncio.timeout(_CHUNK_SECONDS):
            while len(chunk) < _CHUNK_BYTES:
                event = await receive()
                if event["type"] != "http.request":
                    raise UploadInterrupted
                chunk += event["body"]
                if not event["more_body"]:
                    return bytes(chunk), True
    except TimeoutError:
        raise UploadInterrupted from None
    return bytes(chunk), False


def _with_receive(scope: HTTPScope, receive: ASGIReceiveCallable) -> HTTPScope:
    extended: HTTPScope = {**scope, _RECEIVE: receive}  # type: ignore[misc]  # a scope may carry keys of the application
    return extended
