"""Bodies as they arrive: whole, broken off, or never."""

import asyncio
from collections import deque
from itertools import repeat

import pytest
from django.core.handlers.asgi import ASGIRequest

from storage import streaming
from storage.exceptions import UploadInterrupted
from storage.streaming import StreamedUploads, body_chunks

MIB = 1024**2


def test_a_body_comes_in_pieces_of_a_good_size():
    sent = [bytes([number]) * 65_536 for number in range(20)]
    events = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in sent]
    events.append({"type": "http.request", "body": b"", "more_body": False})

    chunks = list(body_chunks(_request(events)))

    assert b"".join(chunks) == b"".join(sent)
    assert len(chunks) == 6


@pytest.mark.parametrize("ending", ["breaks off", "falls silent", "trickles"])
def test_a_body_that_does_not_come_is_interrupted(monkeypatch, ending):
    monkeypatch.setattr(streaming, "_CHUNK_SECONDS", 0.05)
    events = [{"type": "http.request", "body": b"x", "more_body": True}]
    if ending == "breaks off":
        events.append({"type": "http.disconnect"})
    trickle = repeat({"type": "http.request", "body": b"", "more_body": True})

    with pytest.raises(UploadInterrupted):
        list(body_chunks(_request(trickle if ending == "trickles" else events)))


def test_a_body_that_never_ends_is_interrupted(monkeypatch):
    # given: in time, piece by piece
    monkeypatch.setattr(streaming, "_BODY_SECONDS", 0.05)
    event = {"type": "http.request", "body": bytes(streaming._CHUNK_BYTES), "more_body": True}

    # when, then
    with pytest.raises(UploadInterrupted):
        deque(body_chunks(_request(repeat(event))), maxlen=0)


@pytest.mark.parametrize(
    ("method", "path", "is_streamed"),
    [("POST", "/v1/assets", True), ("GET", "/v1/assets", False), ("POST", "/v1/jobs", False)],
)
async def test_django_gets_an_empty_body_for_uploads_alone(method, path, is_streamed):
    seen = []

    async def application(scope, receive, send):
        seen.append(await receive())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                seen.append(await receive())

    scope = {"type": "http", "method": method, "path": path, "headers": []}
    body = {"type": "http.request", "body": b"body", "more_body": False}

    await StreamedUploads(application)(scope, _receive([body]), None)

    assert seen == [{"type": "http.request", "body": b"" if is_streamed else b"body", "more_body": False}]


def _request(events):
    scope = {"type": "http", "method": "POST", "path": "/v1/assets", "headers": [], "query_string": b""}
    request = []

    async def application(scope, receive, send):
        request.append(ASGIRequest(scope, None))

    asyncio.run(StreamedUploads(application)(scope, _receive(events), None))
    return request[0]


def _receive(events):
    left = iter(events)

    async def receive():
        # A turn for whoever counts the time.
        await asyncio.sleep(0)
        event = next(left, None)
        if event is None:
            await asyncio.Event().wait()
        return event

    return receive
