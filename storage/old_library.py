"""An old library's JSON lines, whose pictures are `data:` URLs: read in pieces, so that memory stays constant.

A line may hold a picture of many megabytes. It is mapped from the file, its long strings stay where they are, and
what remains is small enough to be parsed as JSON. Standard base64, base64url, line breaks inside, missing padding,
percent-encoding and JSON's escapes (PHP writes `\\/`) are all found in such libraries, so all are read.
"""

import json
import mmap
import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from core import inline

_PIECE_BYTES = 768 * 1024
# A string beyond this can only be a picture; what is left of a line without those is metadata.
_LONG_STRING_BYTES = 64 * 1024
_METADATA_MAX_BYTES = 4 * 1024**2
_HEADER_MAX_BYTES = 1000
_URL_FIELDS = ("url", "dataUrl", "image", "imageUrl")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_CUT_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_CUT_PERCENT = re.compile(rb"%[0-9a-fA-F]?\Z")
# So many letters of base64, of so many kinds, are no address and no word.
_BARE_BYTES, _BARE_LETTERS_MIN = 80, 20
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{80}")
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
# Later than that, a number counts milliseconds.
_SECONDS_MAX = 10**11
_NAME_MAX = 200


class BadLine(Exception):
    """A line that cannot be imported; `code` is stable, `detail` says it in words."""

    def __init__(self, code: str, detail: str, *, name: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Where a line stands in its file, from 1; the hash is that of its bytes without the line's end."""

    number: int
    start: int
    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Span:
    """A long string that stayed where it is: the offsets of its text within the line."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a line says: `url` is text where it is short, and a span where it holds a picture."""

    name: str | None
    url: str | Span
    prompt: str
    model: str
    operation: str
    filename: str
    tags: list[str]
    created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataURL:
    """The declared media type, which nobody has to believe, and the bytes in pieces (raises BadLine while read)."""

    media_type: str
    chunks: Iterator[bytes]


def lines(path: Path) -> Iterator[Line]:
    """Every line that is not blank, in order."""
    number = end = 0
    with path.open("rb") as file:
        while True:
            start, digest, is_blank = end, sha256(), True
            while piece := file.readline(_PIECE_BYTES):
                end += len(piece)
                is_blank = is_blank and not piece.strip()
                digest.update(piece.rstrip(b"\r\n"))
                if piece.endswith(b"\n"):
                    break
            if end == start:
                return
            number += 1
            if not is_blank:
                yield Line(number=number, start=start, size_bytes=end - start, sha256=digest.digest())


class Text:
    """The bytes of one line, mapped."""

    def __init__(self, mapped: mmap.mmap, start: int) -> None:
        self._mapped = mapped
        self._start = start

    def entry(self) -> Entry:
        """What the line says. Raises BadLine."""
        fields = self._fields()
        name = _name(fields.get("id"))
        try:
            return Entry(
                name=name,
                url=_url(fields),
                prompt=_text(fields, "prompt"),
                model=_text(fields, "model", 100),
                operation=_text(fields, "operation", 40),
                filename=_text(fields, "filename", 200),
                tags=_tags(fields.get("tags")),
                created_at=_moment(fields.get("createdAt", fields.get("created_at"))),
            )
        except BadLine as bad:
            bad.name = name
            raise

    def is_data_url(self, url: str | Span) -> bool:
        return next(self._pieces(url), b"").lstrip()[:5].lower() == b"data:"

    def is_bare_base64(self, url: str | Span) -> bool:
        """Whether it begins like encoded bytes and nothing else."""
        head = next(self._pieces(url), b"").lstrip()[:_BARE_BYTES]
        return len(set(head)) >= _BARE_LETTERS_MIN and _BASE64.fullmatch(head) is not None

    def data_url(self, url: str | Span) -> DataURL:
        """Take a `data:` URL apart. Raises BadLine."""
        pieces = self._pieces(url)
        head, comma, rest = next(pieces, b"").partition(b",")
        if not comma or len(head) > _HEADER_MAX_BYTES:
            raise BadLine("malformed_data_url", "The data: URL has no comma after its media type.")
        media_type, *parameters = head.strip()[5:].decode("latin-1").lower().split(";")
        is_base64 = "base64" in [parameter.strip() for parameter in parameters]
        body = _unquoted(_chained(rest, pieces))
        return DataURL(media_type=media_type.strip(), chunks=_decoded(body) if is_base64 else body)

    def _fields(self) -> dict[str, Any]:
        metadata = bytearray()
        end = self._start
        # The scanner holds the map until it is through, so it goes through all of the line.
        for string in _STRING.finditer(self._mapped, self._start):
            start, after = string.span()
            if after - start > _LONG_STRING_BYTES:
                metadata += self._between(end, start)
                metadata += b'{"": [%d, %d]}' % (start + 1, after - 1)
                end = after
        metadata += self._between(end, len(self._mapped))
        if len(metadata) > _METADATA_MAX_BYTES:
            raise BadLine("malformed_line", "The line has too much beside its picture.")
        try:
            fields = json.loads(metadata.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            raise BadLine("malformed_line", "The line is not JSON in UTF-8.") from None
        if not isinstance(fields, dict):
            raise BadLine("malformed_line", "The line is not a JSON object.")
        return fields

    def _between(self, start: int, end: int) -> bytes:
        return self._mapped[start : min(end, start + _METADATA_MAX_BYTES + 1)]

    def _pieces(self, url: str | Span) -> Iterator[bytes]:
        """The text of the URL, JSON's escapes undone."""
        if isinstance(url, str):
            yield url.encode("utf-8", "replace")
            return
        cut = b""
        for start in range(url.start, url.end, _PIECE_BYTES):
            piece = (cut + self._mapped[start : min(start + _PIECE_BYTES, url.end)]).replace(rb"\/", b"/")
            found = _CUT_ESCAPE.search(piece)
            cut = found[0] if found else b""
            piece = piece.removesuffix(cut)
            yield _ESCAPE.sub(_unescaped, piece) if b"\\" in piece else piece
        if cut:
            yield cut


@contextmanager
def mapped(path: Path, line: Line) -> Iterator[Text]:
    """A line's text for as long as the block lasts."""
    aligned = line.start - line.start % mmap.ALLOCATIONGRANULARITY
    length = line.start + line.size_bytes - aligned
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ, offset=aligned) as text,
    ):
        yield Text(text, line.start - aligned)


def _unescaped(escape: re.Match[bytes]) -> bytes:
    try:
        text: str = json.loads(b'"' + escape[0] + b'"')
    except ValueError:
        return escape[0]
    return text.encode("utf-8", "replace")


def _chained(first: bytes, others: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from others


def _unquoted(pieces: Iterator[bytes]) -> Iterator[bytes]:
    cut = b""
    for piece in pieces:
        whole = cut + piece
        found = _CUT_PERCENT.search(whole)
        cut = found[0] if found else b""
        yield unquote_to_bytes(whole.removesuffix(cut))
    if cut:
        yield cut


def _decoded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest, is_over = b"", False
    for piece in pieces:
        text = rest + piece.translate(_TO_STANDARD, b" \t\r\n")
        whole = len(text) - len(text) % 4
        rest = text[whole:]
        if text and is_over:
            raise _not_base64()
        if whole:
            yield _decoded_piece(text[:whole])
            is_over = text[whole - 1 : whole] == b"="
    if rest and is_over:
        raise _not_base64()
    if rest:
        yield _decoded_piece(rest + b"=" * (4 - len(rest)))


def _decoded_piece(text: bytes) -> bytes:
    try:
        return a2b_base64(text, strict_mode=True)
    except Base64Error:
        raise _not_base64() from None


def _not_base64() -> BadLine:
    return BadLine("malformed_base64", "The data: URL is damaged: what it holds is not base64.")


def _name(value: Any) -> str | None:
    """The line's own name, by which it is known again."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadLine("malformed_line", "`id` is neither text nor a whole number.")
    name = _storable(str(value))
    return name if len(name) <= _NAME_MAX else "sha256:" + sha256(name.encode()).hexdigest()


def _url(fields: dict[str, Any]) -> str | Span:
    value = next((fields[field] for field in _URL_FIELDS if fields.get(field)), None)
    match value:
        case str():
            return value.strip()
        case {"": [int(start), int(end)]}:
            return Span(start, end)
    raise BadLine("no_url", f"The line has no picture: none of {', '.join(_URL_FIELDS)} is a URL.")


def _text(fields: dict[str, Any], field: str, longest: int | None = None) -> str:
    value = fields.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadLine("malformed_line", f"`{field}` is not text, or is longer than any text.")
    return _storable(value)[:longest]


def _tags(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise BadLine("malformed_line", "`tags` is not a list of texts.")
    tags = ("".join(character for character in _storable(each) if character.isprintable()) for each in value)
    return list(dict.fromkeys(tag for each in tags if (tag := each.strip()[:50])))


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if abs(value) > _SECONDS_MAX else value, UTC)
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        raise BadLine("malformed_line", "`createdAt` is neither a time (ISO 8601) nor a Unix time.") from None


def _storable(text: str) -> str:
    """What may go into a row: no NUL, no half of a surrogate pair, and no picture that was pasted into a prompt."""
    return inline.without_media(text.replace("\0", "").encode("utf-8", "replace").decode())
