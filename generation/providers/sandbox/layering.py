"""Taking a picture apart into layers that show it again, to the pixel, when laid over each other."""

from collections.abc import Iterator
from itertools import pairwise

from PIL import Image, ImageChops, ImageFilter

from generation.providers.sandbox.pixels import gap_filled, grown, table
from generation.providers.sandbox.subject import subject_mask

_NAMES = {2: ("subject",), 3: ("shadows", "lights"), 4: ("shadows", "midtones", "lights")}


def layers_of(image: Image.Image, count: int) -> Iterator[tuple[str, Image.Image]]:
    """The background, closed behind the subject, and then the subject's parts from dark to light, bottom up.

    One at a time with its name: all of them at once would be large.
    """
    subject = subject_mask(image).point(table(lambda value: 255 * (value >= 128)))
    names = _NAMES.get(count) or tuple(f"tone {index + 1}" for index in range(count - 1))
    yield "background", _background(image, subject)
    for name, part in zip(names, _by_tone(image, subject, count - 1), strict=True):
        yield name, _cut(image, part)


def _background(image: Image.Image, subject: Image.Image) -> Image.Image:
    if image.mode == "RGBA":
        # Colour behind what is half transparent would shine through: nothing is put there.
        return _cut(image, ImageChops.invert(subject))
    filled = gap_filled(image, grown(subject, max(image.size) / 150))
    return Image.composite(filled, image, subject).convert("RGBA")


def _cut(image: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture where the mask is white, and nothing at all elsewhere."""
    empty = Image.new("RGBA", image.size)
    return Image.composite(image.convert("RGBA"), empty, mask)


def _by_tone(image: Image.Image, subject: Image.Image, count: int) -> list[Image.Image]:
    """The subject's mask in so many parts of about the same size, dark ones first, with calm outlines."""
    tones = image.convert("RGB").convert("L").filter(ImageFilter.GaussianBlur(max(image.size) / 120))
    histogram = tones.histogram(subject)
    total = sum(histogram)
    bounds, seen = [0], 0
    for value, pixels in enumerate(histogram):
        seen += pixels
        if seen >= total * len(bounds) / count and len(bounds) < count:
            bounds.append(value + 1)
    bounds += [256] * (count + 1 - len(bounds))
    return [ImageChops.darker(subject, tones.point(_between(low, high))) for low, high in pairwise(bounds)]


def _between(low: int, high: int) -> list[int]:
    return [255 if low <= value < high else 0 for value in range(256)]
