"""The JSON we read: strict, so that nothing odd reaches a handler, a jsonb column or a log (pitfalls: A6, A7)."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import parse_header_parameters
from rest_framework.parsers import BaseParser

from core import inline
from core.exceptions import BodyTooLarge, InlineMedia, MalformedJSON, UnreadableCharset

# A whole string, or one bracket: enough to follow the nesting without parsing.
_STRINGS_AND_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_OPENING, _CLOSING = frozenset("[{"), frozenset("]}")
_INTEGERS = range(-(2**63), 2**63)


class StrictJSONParser(BaseParser):
    """DRF's way into `decode`. The raw body stays readable as `request.body`, for its hash."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        _, parameters = parse_header_parameters(media_type or self.media_type)
        if parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
            raise UnreadableCharset
        if not isinstance(stream, HttpRequest):
            return decode(stream.read())
        # DRF hands over a body only where its length is declared, so nothing larger is ever read into memory.
        if int(stream.META["CONTENT_LENGTH"]) > settings.JSON_MAX_BYTES:
            raise BodyTooLarge(max_bytes=settings.JSON_MAX_BYTES)
        return decode(stream.body)


def decode(body: bytes) -> Any:
    """The value of a JSON text in UTF-8, safe to store in Postgres and to write out again.

    Raises BodyTooLarge, InlineMedia where a string is a picture written out, or MalformedJSON for anything else: bad
    UTF-8, a syntax error, NaN, nesting beyond JSON_MAX_DEPTH, a name twice in one object, a NUL or half a surrogate
    pair in a string, an integer beyond 64 bits or a number that no float holds.
    """
    if len(body) > settings.JSON_MAX_BYTES:
        raise BodyTooLarge(max_bytes=settings.JSON_MAX_BYTES)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedJSON(f"The body is not UTF-8 at byte {error.start}.") from None
    # Before parsing: the C scanner recurses on the thread's own stack, which must not be the caller's to fill.
    _refuse_depth(text)
    try:
        value = json.loads(text, object_pairs_hook=_unique_names, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise MalformedJSON(f"{error.msg} at line {error.lineno}, column {error.colno}.") from None
    except ValueError:  # Python's own bound on the digits of an integer
        raise MalformedJSON("A number has too many digits.") from None
    _refuse_odd_values(value)
    return value


def _refuse_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= settings.JSON_MAX_DEPTH:
        return
    depth = 0
    for match in _STRINGS_AND_BRACKETS.finditer(text):
        token = match[0]
        if token in _OPENING:
            depth += 1
            if depth > settings.JSON_MAX_DEPTH:
                raise MalformedJSON(f"The body is nested deeper than {settings.JSON_MAX_DEPTH} levels.")
        elif token in _CLOSING:
            depth -= 1


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise MalformedJSON("An object has the same name twice.")
    return members


def _refuse_constant(name: str) -> Any:
    raise MalformedJSON(f"{name} is not a JSON value.")


def _refuse_odd_values(value: Any) -> None:
    """Walk the parsed value: `_refuse_depth` bounds the recursion."""
    if isinstance(value, str):
        _refuse_odd_text(value)
    elif isinstance(value, dict):
        for name, item in value.items():
            _refuse_odd_text(name)
            _refuse_odd_values(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_odd_values(item)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise MalformedJSON("A number is too large.")
    elif isinstance(value, int) and value not in _INTEGERS:
        raise MalformedJSON("An integer does not fit in 64 bits.")


def _refuse_odd_text(text: str) -> None:
    if inline.has_media(text):
        raise InlineMedia
    if "\0" in text:
        raise MalformedJSON("A string contains a NUL character.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise MalformedJSON("A string contains half a surrogate pair.") from None
