"""Other forms of a picture: smaller, in another format, and without what its file says beside the pixels.

Runs in a limited child process (core.children) and imports no Django. Every form is drawn from decoded pixels into a
new file, turned as the camera was held and in sRGB: no metadata, colour profile or hidden second picture of the
original can be in it.
"""

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image, ImageCms, ImageFile
from PIL.JpegImagePlugin import JpegImageFile, get_sampling
from thumbhash import rgba_to_thumb_hash

from storage.inspection import SIDEWAYS, orientation, picture_in

type Format = Literal["webp", "avif", "jpeg"]

# WebP knows no longer side.
_MAX_SIDE = 16_383
# A placeholder says no more than is left of a picture at this size, and its arithmetic is in Python.
_PLACEHOLDER_SIDE = 32
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SAVING: dict[Format, Mapping[str, Any]] = {
    "webp": {"quality": 80, "method": 4},
    # One thread: the child's memory has a bound, and the other cores have other pictures to draw.
    "avif": {"quality": 60, "speed": 8, "max_threads": 1},
    "jpeg": {"quality": 82, "optimize": True, "progressive": True},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How a picture is to be drawn: at most so many pixels wide, in a format."""

    width: int
    format: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A form of the picture, in a file."""

    path: Path
    content_type: str
    width: int
    height: int


class Undrawable(Exception):
    """The picture cannot be decoded, or not be written in that form."""


def render(path: Path, sizes: Sequence[Size], folder: Path) -> list[Rendered]:
    """Draw a picture in each of these sizes into files of the folder, never larger than it is; it is decoded once.

    Raises Undrawable.
    """
    with _opened(path) as (picture, _):
        widest = _shrunk(picture, max(size.width for size in sizes))
        return [_saved(widest, size, folder / f"{size.width}.{size.format}") for size in sizes]


def copy(path: Path, folder: Path) -> Rendered:
    """Draw a picture as large as it is in its own format: pixel by pixel where that format is exact (PNG, GIF, a WebP
    that was), else in at least the original's quality. Raises Undrawable.
    """
    with _opened(path) as (picture, content_type):
        target = folder / "copy"
        picture.load()
        pixels = _in_srgb(_turned(picture, orientation(picture)), picture.info.get("icc_profile"))
        if content_type == "image/jpeg" and pixels.mode == "CMYK":
            pixels = pixels.convert("RGB")
        _bare(pixels).save(target, content_type.removeprefix("image/"), **_as_it_was(picture, content_type, path))
        return Rendered(path=target, content_type=content_type, width=pixels.width, height=pixels.height)


def placeholder(path: Path) -> bytes:
    """Some twenty bytes that a page draws a blurred picture from (thumbhash). Raises Undrawable."""
    with _opened(path) as (picture, _):
        # The library fails on pictures that shine through, so it gets none.
        pixels = _on_white(_shrunk(picture, _PLACEHOLDER_SIDE, max_height=_PLACEHOLDER_SIDE)).convert("RGBA")
        return bytes(rgba_to_thumb_hash(pixels.width, pixels.height, list(pixels.tobytes())))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[ImageFile.ImageFile, str]]:
    """The picture, not yet decoded, and its content type; what fails within becomes Undrawable."""
    try:
        with path.open("rb") as file:
            found = picture_in(file.read(64))
        # Every blob of a picture was decoded once.
        assert found
        kind, content_type = found
        # Complaints about metadata are no reason not to draw a photograph.
        with warnings.catch_warnings(action="ignore"), kind(path) as picture:
            yield picture, content_type
    except MemoryError:
        raise
    except Exception as error:
        # Decoders and encoders fail with every error there is.
        raise Undrawable(f"{type(error).__name__}: {error}") from None


def _shrunk(picture: ImageFile.ImageFile, width: int, *, max_height: int = _MAX_SIDE) -> Image.Image:
    """The picture as it is shown, in L, RGB or RGBA and sRGB, within these bounds. Made small before all else."""
    turn, profile = orientation(picture), picture.info.get("icc_profile")
    shown = picture.size[::-1] if turn in SIDEWAYS else picture.size
    ratio = min(1, width / shown[0], max_height / shown[1])
    size = (max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio)))
    box = None
    if isinstance(picture, JpegImageFile) and (drafted := picture.draft("", (2 * size[0], 2 * size[1]))):
        # The decoder leaves out what nobody will see: a tenth of the time and memory.
        box = drafted[1]
    pixels = _plain(picture)
    if pixels.size != size:
        pixels = pixels.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=2.0)
    pixels = _in_srgb(_turned(pixels, turn), profile)
    return pixels.convert("RGB") if pixels.mode == "CMYK" else pixels


def _saved(widest: Image.Image, size: Size, path: Path) -> Rendered:
    pixels = widest
    if size.width < widest.width:
        height = max(1, round(widest.height * size.width / widest.width))
        pixels = widest.resize((size.width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    if size.format == "jpeg":
        pixels = _on_white(pixels)
    _bare(pixels).save(path, size.format, **_SAVING[size.format])
    return Rendered(path=path, content_type=f"image/{size.format}", width=pixels.width, height=pixels.height)


def _plain(picture: Image.Image) -> Image.Image:
    """Eight bits a channel and no palette: L, RGB, RGBA or CMYK."""
    if picture.mode.startswith("I"):
        # Sixteen bits of grey. Their transparency is a single shade, counted in sixteen bits too: left out.
        return _bare(picture.point(lambda value: value / 256)).convert("L")
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    if picture.mode in {"L", "1"}:
        return picture.convert("L")
    return picture if picture.mode == "CMYK" else picture.convert("RGB")


def _turned(picture: Image.Image, turn: int) -> Image.Image:
    """As the camera was held."""
    return picture.transpose(_TURNS[turn]) if turn in _TURNS else picture


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """The colours that the profile means, as those of a picture without one; unchanged where it makes no sense."""
    if not profile:
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in (source.profile.profile_description or "").lower():
            return picture
        pixels = _plain(picture)
        target = "RGBA" if pixels.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(pixels, source, ImageCms.createProfile("sRGB"), outputMode=target)
    except (ImageCms.PyCMSError, OSError, ValueError):
        # A profile of another colour space than the picture's, or a damaged one.
        return picture
    return converted or picture


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode != "RGBA":
        return picture
    canvas = Image.new("RGB", picture.size, "white")
    canvas.paste(picture, mask=picture.getchannel("A"))
    return canvas


def _bare(picture: Image.Image) -> Image.Image:
    """Without what Pillow would write back from the original's file; a palette's transparent entry is of its pixels."""
    bare = picture.copy() if isinstance(picture, ImageFile.ImageFile) else picture
    bare.info = {name: value for name, value in bare.info.items() if name == "transparency"}
    return bare


def _as_it_was(picture: ImageFile.ImageFile, content_type: str, path: Path) -> Mapping[str, Any]:
    """How to save a copy that has no less than its original."""
    if isinstance(picture, JpegImageFile) and picture.mode != "CMYK":
        return {"qtables": picture.quantization, "subsampling": get_sampling(picture), "optimize": True}
    match content_type:
        case "image/jpeg":
            return {"quality": 92, "optimize": True}
        case "image/webp":
            return {"lossless": True, "exact": True} if _is_exact_webp(path) else {"quality": 95}
        case "image/avif":
            return {"quality": 90, "subsampling": "4:4:4", "speed": 8, "max_threads": 1}
        case _:
            return {}


def _is_exact_webp(path: Path) -> bool:
    """Whether its pixels are in a VP8L chunk (https://developers.google.com/speed/webp/docs/riff_container)."""
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            if head[:4] in {b"VP8L", b"VP8 "}:
                return head[:4] == b"VP8L"
            size = int.from_bytes(head[4:], "little")
            file.seek(size + size % 2, io.SEEK_CUR)
    return False
