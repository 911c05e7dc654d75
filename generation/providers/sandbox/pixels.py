"""Pictures in and out, masks, and the closing of gaps: what several operations do with given pixels."""

import warnings
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter, ImageOps, UnidentifiedImageError

from generation.providers.sandbox.art.color import Color

# What a child's memory has room for, with the copies that an operation makes on its way.
MAX_PIXELS = 25_000_000
MAX_ENLARGED_PIXELS = 50_000_000
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


class Refused(Exception):
    """The input cannot be worked on, now or later."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


def load(path: Path) -> Image.Image:
    """The picture in a file, upright, as RGB or, where anything of it is transparent, RGBA. Raises Refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                check_pixels(image.size)
                upright = ImageOps.exif_transpose(image)
                return upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused("bad_input", "The sandbox cannot read this picture.") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise Refused("bad_input", "The picture is damaged.") from error


def check_pixels(size: tuple[int, int], most: int = MAX_PIXELS) -> None:
    """Raise Refused when a picture is, or would become, larger than the sandbox works on."""
    if size[0] * size[1] > most:
        raise Refused("too_large", f"{size[0]} x {size[1]} is beyond the sandbox's {most // 1_000_000} megapixels.")


def save(image: Image.Image, path: Path) -> Path:
    """As PNG, without metadata; quickly rather than tightly packed."""
    image.save(path, "PNG", compress_level=3 if image.width * image.height < 4_000_000 else 1)
    return path


def opaque(image: Image.Image) -> Image.Image:
    """On white where the picture is transparent."""
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(ground, image).convert("RGB")


def with_alpha_of(image: Image.Image, original: Image.Image) -> Image.Image:
    """An edited RGB picture with the transparency that the original had."""
    if original.mode == "RGBA":
        image = image.convert("RGBA")
        image.putalpha(original.getchannel("A"))
    return image


def load_mask(path: Path, size: tuple[int, int]) -> Image.Image:
    """A mask at the given size with 255 where it is white enough to be changed, else 0. Raises Refused when empty."""
    image = load(path)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    mask = image.convert("L").resize(size).point(table(lambda value: 255 if value >= 128 else 0))
    if mask.getbbox() is None:
        raise Refused("empty_mask", "The mask marks nothing: paint white what is to change.")
    return mask


def main_colors(image: Image.Image, most: int) -> list[tuple[int, Color]]:
    """The colours that stand best for an RGB picture, each with the number of its pixels."""
    flat = image.quantize(most)
    values = flat.getpalette() or []
    return [
        (count, (values[3 * index], values[3 * index + 1], values[3 * index + 2]))
        for index, count in enumerate(flat.histogram()[: len(values) // 3])
        if count
    ]


def table(function: Callable[[int], float]) -> list[int]:
    """A lookup table for `point`."""
    return [round(min(255.0, max(0.0, function(value)))) for value in range(256)]


def feathered(mask: Image.Image, radius: float) -> Image.Image:
    """The mask with a soft edge that lies inside it: what was 0 stays 0, to the pixel."""
    soft = mask.filter(ImageFilter.GaussianBlur(radius)).point(table(lambda value: (value - 128) * 2.2))
    return ImageChops.darker(soft, mask)


def grown(mask: Image.Image, by: float) -> Image.Image:
    """The mask about so many pixels wider on every side."""
    return mask.filter(ImageFilter.GaussianBlur(by)).point(table(lambda value: 255 * (value > 8)))


def gap_filled(image: Image.Image, gap: Image.Image) -> Image.Image:
    """The RGB picture with the gap (255 in its mask) closed from what surrounds it; all else is as it was.

    A pyramid: every smaller level averages the known pixels (Pillow weighs colours by alpha when it scales RGBA), and
    on the way back up each level fills the holes of the next. Levels shrink faster across than down, so that what goes
    across a picture, a horizon or a floor, is found again behind the gap.
    """
    known = image.convert("RGBA")
    known.putalpha(ImageChops.invert(gap))
    pyramid = [known]
    while max(pyramid[-1].size) > 1:
        last = pyramid[-1]
        is_down = last.width == 1 or len(pyramid) % 4 == 0
        smaller = last.resize((max(1, last.width // 2), max(1, last.height // (1 + is_down))), Image.Resampling.BOX)
        # A pixel that knows a little is as good as one that knows all.
        smaller.putalpha(smaller.getchannel("A").point(table(lambda value: value * 4)))
        pyramid.append(smaller)
    filled = pyramid.pop()
    filled.putalpha(255)
    while pyramid:
        level = pyramid.pop()
        filled = Image.alpha_composite(filled.resize(level.size, Image.Resampling.BICUBIC), level)
        filled.putalpha(255)
    return Image.composite(filled.convert("RGB"), image, gap)
