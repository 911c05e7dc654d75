"""Objects to read through an edge, and every odd way to ask for a part of one: the same for Caddy and for nginx."""

import hashlib
import random
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import urlsplit

import httpx2

from storage import delivery, object_store
from storage.models import Rendition
from tests.factories import AssetFactory

# Two and a half of nginx's slices, and a bit.
CONTENT = random.Random(7).randbytes(2_621_447)
SIZE = len(CONTENT)
# The bucket's tag of what came in one put.
MD5 = hashlib.md5(CONTENT).hexdigest()
ETAG_OF_ANOTHER = '"another"'

# Range, and what is due: the first and last byte (206), "whole" (200) or "none" (416).
RANGES = {
    "first": ("bytes=0-9", (0, 9)),
    "one": ("bytes=0-0", (0, 0)),
    "from": ("bytes=2621400-", (2_621_400, SIZE - 1)),
    "all-of-it": ("bytes=0-", (0, SIZE - 1)),
    "last": ("bytes=-7", (SIZE - 7, SIZE - 1)),
    "longer-than-it": ("bytes=-99999999", (0, SIZE - 1)),
    "across-slices": ("bytes=1048570-1048585", (1_048_570, 1_048_585)),
    "at-a-slice": ("bytes=1048576-2097151", (1_048_576, 2_097_151)),
    "past-the-end": (f"bytes={SIZE - 1}-99999999999", (SIZE - 1, SIZE - 1)),
    "at-the-end": (f"bytes={SIZE}-", "none"),
    "beyond-the-end": ("bytes=99999999999-", "none"),
    "none-of-the-last": ("bytes=-0", "none"),
    "several": ("bytes=0-4,10-14", "whole"),
    "other-unit": ("items=0-4", "whole"),
}
# What a server may ignore or refuse (RFC 9110, 14.2).
INVALID_RANGES = {
    "reversed": "bytes=9-5",
    "empty": "bytes=",
    "without-numbers": "bytes=-",
    "words": "bytes=a-b",
}


def stored(content=CONTENT, *, content_type="image/png", key=None):
    """Put bytes into the bucket under a key of their own; returns the key."""
    key = key or f"blobs/{uuid.uuid4()}"
    with NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        sha256 = hashlib.sha256(content).digest()
        object_store.put_file(Path(file.name), key, content_type=content_type, sha256=sha256)
    return key


def published(content=CONTENT, *, content_type="image/png", **asset):
    """A public copy as it is once it was drawn of an asset; returns its row. Needs committed rows."""
    return Rendition.objects.create(
        blob=AssetFactory(is_public=True, **asset).blob,
        variant="public",
        state=Rendition.State.READY,
        object_key=stored(content, content_type=content_type, key=f"public/{uuid.uuid4()}"),
        content_type=content_type,
        sha256=hashlib.sha256(content).digest(),
        size_bytes=len(content),
    )


def link(key, content=CONTENT, *, content_type="image/png", filename="cat.png", until=None):
    """A link as the API gives it, good for five minutes if nothing else is said."""
    return delivery.link(
        key,
        content_type=content_type,
        filename=filename,
        sha256=hashlib.sha256(content).digest(),
        size_bytes=len(content),
        until=until or datetime.now(UTC) + timedelta(minutes=5),
    )


def assert_part(response, due, content=CONTENT):
    """The answer is what is due, to the byte and the header."""
    if due == "none":
        assert response.status_code == 416
        assert response.headers["Content-Range"] == f"bytes */{len(content)}"
        assert response.json()["code"] == "range_not_satisfiable"
    elif due == "whole":
        assert response.status_code == 200
        assert "Content-Range" not in response.headers
        assert response.content == content
    else:
        first, last = due
        assert response.status_code == 206
        assert response.headers["Content-Range"] == f"bytes {first}-{last}/{len(content)}"
        assert response.headers["Content-Length"] == str(last - first + 1)
        assert response.content == content[first : last + 1]


def assert_whole(response, content=CONTENT):
    assert_part(response, "whole", content)


def differing(one, other):
    """The headers that only one of two answers has, or has otherwise; each answer has its own id and time."""
    own = {"x-request-id", "x-cache", "date"}
    first, second = ({(n, v) for n, v in answer.headers.multi_items() if n not in own} for answer in (one, other))
    return first ^ second


def raw_get(url, headers=None):
    """The address as it is written, with its dots and slashes."""
    parts = urlsplit(url)
    target = (parts.path + (f"?{parts.query}" if parts.query else "")).encode()
    with httpx2.Client(timeout=20) as client:
        request = client.build_request("GET", f"{parts.scheme}://{parts.netloc}", headers=headers)
        request.extensions["target"] = target
        return client.send(request)
