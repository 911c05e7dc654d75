"""What the edge asks before it hands out an object: is this link good, where are the bytes, and what is told with them.

For the edge alone (nginx's auth_request in ops/cdn/, the first proxy of /o/ in ops/edge/Caddyfile), which must answer
404 for this address itself. No session and no key: the link is the grant. An answer without conditions may be kept
until X-Accel-Expires.

An edge that cannot judge conditions and ranges itself hands them on, and is told the outcome: 304, 412 or 416 to pass
on as they are, or the part to ask the bucket for. Without Last-Modified, dates are no condition.
"""

import re
from base64 import b64encode
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

from core import clock
from core.problems import CONTENT_TYPE, problem
from storage import delivery, object_store
from storage.delivery import Grant
from storage.exceptions import LinkRefused

# How long the edge may read by the bucket's own link, after the reader's has ended: one slow download, part by part.
_READ_FOR = timedelta(hours=1)
# A public object that was taken back is handed out for so long by an edge that asked before.
_PUBLIC_FOR_SECONDS = 60
_YEAR_SECONDS = 31_536_000
_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE)


class Unsatisfiable(Exception):
    """No byte of the object is in the range that was asked for."""


def authorize(request: HttpRequest) -> HttpResponseBase:
    """204 with X-Origin-*, X-Object-* and what the reader is told; 403 for a link that opens nothing."""
    # Every proxy that stands before the public says for whom it asks.
    if "HTTP_X_FORWARDED_FOR" in request.META:
        raise Http404
    try:
        grant = delivery.opened(request.headers.get("X-Original-URI", ""))
    except LinkRefused as refusal:
        return _problem(403, refusal.code, refusal.detail)
    is_head = request.headers.get("X-Original-Method") == "HEAD"
    if (unmet := _unmet(request, grant)) is not None:
        return unmet
    try:
        part = None if is_head else _part(request, grant)
    except Unsatisfiable:
        beyond = _problem(416, "range_not_satisfiable", "No byte of it is in this range.")
        beyond.headers["Content-Range"] = f"bytes */{grant.size_bytes}"
        return beyond
    return _leave_to_read(grant, part, is_head=is_head)


def _leave_to_read(grant: Grant, part: str | None, *, is_head: bool) -> HttpResponse:
    until = (clock.now() if grant.is_public else _end(grant)) + _READ_FOR
    origin = urlsplit(object_store.presign_read(grant.key, until=until, head=is_head))
    response = HttpResponse(status=204)
    told = {
        "X-Origin-Host": origin.netloc,
        "X-Origin-Path": f"{origin.path}?{origin.query}",
        "X-Object-Key": grant.key,
        "X-Object-Size": str(grant.size_bytes),
        "X-Object-Etag": _etag(grant),
        "X-Content-Type": grant.content_type,
        "X-Content-Disposition": grant.disposition,
        "X-Accel-Expires": _kept_until(grant),
        **{f"X-{name}": value for name, value in _told(grant).items()},
    }
    if part:
        told["X-Origin-Range"] = part
    for name, value in told.items():
        response.headers[name] = value
    return response


def _told(grant: Grant) -> dict[str, str]:
    """What every answer about the object says, 304 too. No copy outlives the link: an end and no age, since an answer
    that the edge kept would give the same age again and again. A public object that ends says an age that is shorter by
    as long as an edge may keep it.
    """
    told = {"Repr-Digest": f"sha-256=:{b64encode(grant.sha256).decode()}:"}
    if grant.is_public:
        return told | {"Cache-Control": f"public, max-age={_public_age(grant)}, immutable"}
    return told | {"Cache-Control": "private", "Expires": http_date(_end(grant).timestamp())}


def _public_age(grant: Grant) -> int:
    if grant.until is None:
        return _YEAR_SECONDS
    left = int((grant.until - clock.now()).total_seconds()) - _PUBLIC_FOR_SECONDS
    return max(0, min(_YEAR_SECONDS, left))


def _kept_until(grant: Grant) -> str:
    """nginx's words for how long it may keep an answer; its clock counts whole seconds, and the last one is whole."""
    asked_again_at = clock.now() + timedelta(seconds=_PUBLIC_FOR_SECONDS)
    if grant.is_public and (grant.until is None or asked_again_at < grant.until):
        return str(_PUBLIC_FOR_SECONDS)
    return f"@{int(_end(grant).timestamp()) - 1}"


def _end(grant: Grant) -> datetime:
    assert grant.until
    return grant.until


def _etag(grant: Grant) -> str:
    return f'"{grant.sha256.hex()}"'


def _unmet(request: HttpRequest, grant: Grant) -> HttpResponseBase | None:
    """304 or 412, where a condition says so."""
    etag = _etag(grant)
    request.META.pop("HTTP_IF_UNMODIFIED_SINCE", None)
    response = get_conditional_response(request, etag=etag)
    if response is None:
        return None
    if response.status_code != 304:
        return _problem(412, "precondition_failed", "The object is not the one that is expected.")
    for name, value in {"ETag": etag, **_told(grant)}.items():
        response.headers[name] = value
    return response


def _part(request: HttpRequest, grant: Grant) -> str | None:
    """The one range to ask the bucket for. None, the whole: several at once, a wrong one, or one of another version."""
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None or request.headers.get("If-Range", _etag(grant)) != _etag(grant):
        return None
    first, last = (int(number) if number else None for number in asked.groups())
    if (first is None and last is None) or (first is not None and last is not None and last < first):
        return None
    size = grant.size_bytes
    if first is None:
        first, last = max(0, size - (last or 0)), size - 1
    if first >= size:
        raise Unsatisfiable
    return f"bytes={first}-{size - 1 if last is None else min(last, size - 1)}"


def _problem(status: int, code: str, detail: str) -> HttpResponse:
    body = msgspec.json.encode(problem(status, code, detail))
    return HttpResponse(body, status=status, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})
