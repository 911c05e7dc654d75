"""A plain client: bytes from a file into a request and from an answer into nowhere, at as little cost as Python has."""

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from threading import local
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from bench.recordings import MIB

_TIMEOUT_SECONDS = 900
# A server may have closed what has been idle for longer.
_KEPT_SECONDS = 5
_mine = local()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; `body` is empty where it was only counted."""

    status: int
    headers: HTTPMessage
    body: bytes = b""
    size_bytes: int = 0
    sha256: str = ""

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class WrongAnswer(Exception):
    """An answer that is not the one a bench asks for."""


def ask(
    method: str,
    url: str,
    *,
    expect: int | Collection[int],
    headers: Mapping[str, str] | None = None,
    body: bytes | BinaryIO | None = None,
) -> Answer:
    """One request on this thread's own connection to that server. Raises WrongAnswer."""
    connection, target = _connected(url)
    connection.request(method, target, body=body, headers=dict(headers or {}))
    response = connection.getresponse()
    content = response.read()
    if response.status not in ({expect} if isinstance(expect, int) else expect):
        raise WrongAnswer(f"{method} {target[:60]}: {response.status} {content[:300]!r}")
    return Answer(status=response.status, headers=response.headers, body=content, size_bytes=len(content))


def send_file(method: str, url: str, path: Path, *, expect: int, headers: Mapping[str, str] | None = None) -> Answer:
    """A whole file as the body of a request."""
    with path.open("rb", buffering=0) as file:
        return ask(
            method,
            url,
            expect=expect,
            body=file,
            headers={"Content-Length": str(path.stat().st_size), **(headers or {})},
        )


def drain(url: str, *, hashed: bool = False) -> Answer:
    """Read an address to its end and keep nothing but the number of bytes, and their hash if it is wanted."""
    connection, target = _connected(url)
    connection.request("GET", target)
    response = connection.getresponse()
    if response.status != 200:
        raise WrongAnswer(f"GET {target[:60]}: {response.status} {response.read()[:300]!r}")
    buffer, digest, size = memoryview(bytearray(MIB)), sha256(), 0
    while count := response.readinto(buffer):
        size += count
        if hashed:
            digest.update(buffer[:count])
    return Answer(
        status=200,
        headers=response.headers,
        size_bytes=size,
        sha256=digest.hexdigest() if hashed else "",
    )


def _connected(url: str) -> tuple[HTTPConnection, str]:
    parts = urlsplit(url)
    connections: dict[str, tuple[float, HTTPConnection]] = _mine.__dict__.setdefault("connections", {})
    used_at, connection = connections.get(parts.netloc, (0.0, None))
    if connection is None or time.monotonic() - used_at > _KEPT_SECONDS:
        connection = HTTPConnection(parts.netloc, timeout=_TIMEOUT_SECONDS, blocksize=MIB)
    connections[parts.netloc] = time.monotonic(), connection
    return connection, f"{parts.path}?{parts.query}" if parts.query else parts.path
