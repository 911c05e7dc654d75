"""What are these bytes: found out by decoding them, never from a name or a header.

Runs in a limited child process (core.children) and imports no Django, so that the child stays small. What a decoder
does not bound is bounded there: a process that eats memory or time is killed.
"""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

# The plugins of our formats alone: Image.open() would load all forty, each with bugs of its own.
from PIL import ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

type Kind = Literal["image", "audio", "json", "text"]
type Fault = Literal[
    "not_an_image", "truncated_image", "image_too_large", "animated_image", "not_text", "not_json", "unsupported_kind"
]

# Text and JSON are read into memory, here and by those who ask for them.
DOCUMENT_MAX_BYTES = 10 * 1024**2
_ORIENTATION_TAG = 0x0112
_SIDEWAYS = range(5, 9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How many pixels in all, and how many in a row or column, are decoded."""

    max_pixels: int
    max_side: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What the bytes turned out to be. Width and height as shown: the camera's orientation is applied."""

    kind: Kind
    content_type: str
    width: int | None = None
    height: int | None = None


class Unreadable(Exception):
    """The bytes are not what they should be."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault: Fault = fault


def inspect(path: Path, kind: Kind, bounds: Bounds) -> Inspected:
    """Decode the whole file as the kind it should be. Raises Unreadable."""
    match kind:
        case "image":
            return _inspect_image(path, bounds)
        case "json":
            _parse_json(_read_text(path, "not_json"))
            return Inspected(kind=kind, content_type="application/json")
        case "text":
            _read_text(path, "not_text")
            return Inspected(kind=kind, content_type="text/plain; charset=utf-8")
        case _:
            raise Unreadable("unsupported_kind")


def _inspect_image(path: Path, bounds: Bounds) -> Inspected:
    with path.open("rb") as file:
        picture, content_type = _recognise(file.read(64))
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        # Complaints about metadata are no reason to refuse a photograph.
        with warnings.catch_warnings(action="ignore"), picture(path) as image:
            _check_header(image, bounds)
            image.load()
            width, height = image.size
            if _orientation(image) in _SIDEWAYS:
                width, height = height, width
    except (Unreadable, MemoryError):
        raise
    except Exception:
        # Decoders fail on damaged bytes with every error there is.
        raise Unreadable("truncated_image") from None
    return Inspected(kind="image", content_type=content_type, width=width, height=height)


def _recognise(head: bytes) -> tuple[type[ImageFile.ImageFile], str]:
    """The decoder for what the first bytes say. JPEGs with more pictures behind the first (MPO) are JPEGs."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImageFile, "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return JpegImageFile, "image/jpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WebPImageFile, "image/webp"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GifImageFile, "image/gif"
    if head[4:8] == b"ftyp" and b"avif" in head[8:]:
        return AvifImageFile, "image/avif"
    raise Unreadable("not_an_image")


def _check_header(image: ImageFile.ImageFile, bounds: Bounds) -> None:
    """Before any pixel is decoded: a file of 50 KB can promise gigabytes."""
    width, height = image.size
    if width * height > bounds.max_pixels or max(width, height) > bounds.max_side:
        raise Unreadable("image_too_large")
    if getattr(image, "is_animated", False):
        raise Unreadable("animated_image")


def _orientation(image: ImageFile.ImageFile) -> int:
    try:
        orientation: int = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:
        # Damaged metadata says nothing, and the picture is whole.
        return 1
    return orientation


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
        json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Unreadable("not_json") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
