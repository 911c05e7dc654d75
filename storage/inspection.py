"""What are these bytes: found out by decoding them, never from a name or a header.

Runs in a limited child process (core.children) and imports no Django, so that the child stays small. What a decoder
does not bound is bounded there: a process that eats memory or time is killed.

What follows a whole picture or recording does not count: it is served as what it was found to be.
"""

import json
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

# The plugins of our formats alone: Image.open() would load all forty, each with bugs of its own.
from PIL import ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

type Kind = Literal["image", "audio", "json", "text"]
type Fault = Literal[
    "not_an_image",
    "truncated_image",
    "image_too_large",
    "animated_image",
    "not_audio",
    "truncated_audio",
    "audio_too_long",
    "not_text",
    "not_json",
    "unsupported_kind",
]

# Text and JSON are read into memory, here and by those who ask for them.
DOCUMENT_MAX_BYTES = 10 * 1024**2
_DOCUMENT_MAX_DEPTH = 64
# Kinds are told apart by so many bytes.
_HEAD_BYTES = 4096
_ORIENTATION_TAG = 0x0112
SIDEWAYS = range(5, 9)
# MPEG-4 without a word of pictures; what its tracks are is seen when it is opened.
_MP4_BRANDS = {b"M4A ", b"M4B ", b"mp41", b"mp42", b"isom", b"dash", *(b"iso%d" % number for number in range(2, 10))}
# "[Chorus]" begins a text, "[1" a JSON document.
_JSON_START = re.compile(rb"\s*(\{\s*([\"}]|\Z)|\[\s*([\"\[{\]\d-]|true\b|false\b|null\b|\Z))")
# A page, a drawing with scripts, a PDF: text that something would run or draw if it were served as what it says it is.
_MARKUP = re.compile(rb"(\xef\xbb\xbf)?\s*<[a-z!?/]|.{0,1024}?%PDF-", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How many pixels in all, and how many in a row or column, and how many seconds of sound are decoded."""

    max_pixels: int
    max_side: int
    max_seconds: float = 4 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What the bytes turned out to be. Width and height as shown: the camera's orientation is applied."""

    kind: Kind
    content_type: str
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    channels: int | None = None


class Unreadable(Exception):
    """The bytes are not what they should be."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault: Fault = fault


def inspect(path: Path, kind: Kind | None, bounds: Bounds) -> Inspected:
    """Decode the whole file as the kind it should be, by default the one its bytes say it is. Raises Unreadable."""
    kind = kind or recognise(path)
    match kind:
        case "image":
            return _inspect_image(path, bounds)
        case "audio":
            return _inspect_audio(path, bounds)
        case "json":
            _parse_json(_read_text(path, "not_json"))
            return Inspected(kind=kind, content_type="application/json")
        case "text":
            _refuse_markup(path)
            _read_text(path, "not_text")
            return Inspected(kind=kind, content_type="text/plain; charset=utf-8")


def recognise(path: Path) -> Kind:
    """The kind that the first bytes speak of; nothing is decoded. Raises Unreadable where they speak of none."""
    head = _head(path)
    if picture_in(head):
        return "image"
    if _sound_in(head):
        return "audio"
    if _JSON_START.match(head):
        return "json"
    # Most binary formats have a zero early on; what has none and is no text is found out when it is read.
    if not head or b"\0" in head or _MARKUP.match(head):
        raise Unreadable("unsupported_kind")
    return "text"


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _inspect_image(path: Path, bounds: Bounds) -> Inspected:
    found = picture_in(_head(path))
    if found is None:
        raise Unreadable("not_an_image")
    picture, content_type = found
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        # Complaints about metadata are no reason to refuse a photograph.
        with warnings.catch_warnings(action="ignore"), picture(path) as image:
            _check_header(image, bounds)
            image.load()
            width, height = image.size
            if orientation(image) in SIDEWAYS:
                width, height = height, width
    except (Unreadable, MemoryError):
        raise
    except Exception:
        # Decoders fail on damaged bytes with every error there is.
        raise Unreadable("truncated_image") from None
    return Inspected(kind="image", content_type=content_type, width=width, height=height)


def picture_in(head: bytes) -> tuple[type[ImageFile.ImageFile], str] | None:
    """The decoder for what the first bytes say. JPEGs with more pictures behind the first (MPO) are JPEGs."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImageFile, "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return JpegImageFile, "image/jpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WebPImageFile, "image/webp"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GifImageFile, "image/gif"
    if head[4:8] == b"ftyp" and b"avif" in head[8:64]:
        return AvifImageFile, "image/avif"
    return None


def _check_header(image: ImageFile.ImageFile, bounds: Bounds) -> None:
    """Before any pixel is decoded: a file of 50 KB can promise gigabytes."""
    width, height = image.size
    if width * height > bounds.max_pixels or max(width, height) > bounds.max_side:
        raise Unreadable("image_too_large")
    if getattr(image, "is_animated", False):
        raise Unreadable("animated_image")


def orientation(image: ImageFile.ImageFile) -> int:
    try:
        turn: int = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:
        # Damaged metadata says nothing, and the picture is whole.
        return 1
    return turn


def _inspect_audio(path: Path, bounds: Bounds) -> Inspected:
    content_type = _sound_in(_head(path))
    if content_type is None:
        raise Unreadable("not_audio")
    # Not above: it loads FFmpeg, and most children never hear anything.
    from storage import audio

    try:
        heard = audio.hear(path, content_type, bounds.max_seconds)
    except audio.Unhearable as unhearable:
        raise Unreadable(unhearable.fault) from None
    return Inspected(kind="audio", content_type=content_type, duration_seconds=heard.seconds, channels=heard.channels)


def _sound_in(head: bytes) -> str | None:
    """The type of recording that the first bytes say this is."""
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "audio/wav"
    if head.startswith(b"fLaC"):
        return "audio/flac"
    if head.startswith(b"OggS"):
        return "audio/ogg"
    if head[4:8] == b"ftyp" and head[8:12] in _MP4_BRANDS:
        return "audio/mp4"
    # A tag, or the first frame: eleven bits set, and the two that say layer III.
    if head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):
        return "audio/mpeg"
    return None


def _refuse_markup(path: Path) -> None:
    if _MARKUP.match(_head(path)):
        raise Unreadable("not_text")


def _read_text(path: Path, fault: Fault) -> str:
    if path.stat().st_size > DOCUMENT_MAX_BYTES:
        raise Unreadable(fault)
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable(fault) from None
    if "\0" in text:
        raise Unreadable(fault)
    return text


def _parse_json(text: str) -> None:
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Unreadable("not_json") from None
    if _is_deeper(document, _DOCUMENT_MAX_DEPTH):
        raise Unreadable("not_json")


def _is_deeper(document: Any, depth: int) -> bool:
    """Whether arrays and objects stand in each other more than so many deep."""
    level = [document]
    for _ in range(depth + 1):
        level = [part for part in level if isinstance(part, dict | list)]
        if not level:
            return False
        level = [child for part in level for child in (part.values() if isinstance(part, dict) else part)]
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
