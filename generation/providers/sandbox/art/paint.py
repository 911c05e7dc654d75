"""The painter's means: gradients, soft shapes, glows, noise and grain; all of it drawn the same way every time."""

import random
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

from PIL import Image, ImageChops, ImageDraw

from generation.providers.sandbox.art.color import Color, mix

type Size = tuple[int, int]
type Point = tuple[float, float]


def gradient(size: Size, stops: Sequence[tuple[float, Color]]) -> Image.Image:
    """From top to bottom through the stops, each a (place from 0 to 1, colour)."""
    steps = max(2, min(256, size[1]))
    column = Image.new("RGB", (1, steps))
    column.putdata([_at(stops, index / (steps - 1)) for index in range(steps)])
    return column.resize(size, Image.Resampling.BICUBIC)


def _at(stops: Sequence[tuple[float, Color]], place: float) -> Color:
    for (start, a), (end, b) in pairwise(stops):
        if place <= end:
            share = (place - start) / (end - start)
            # Eased, so that no edge shows where two stretches meet.
            return mix(a, b, max(0.0, share) ** 2 * (3 - 2 * share) if share < 1 else 1)
    return stops[-1][1]


def mask(size: Size, draw: Callable[[ImageDraw.ImageDraw, int], None]) -> Image.Image:
    """What `draw` paints in white at `scale` times the size, smoothed down: edges without stairs."""
    scale = 2
    image = Image.new("L", (size[0] * scale, size[1] * scale))
    draw(ImageDraw.Draw(image), scale)
    return image.reduce(scale)


def below(size: Size, line: Sequence[Point]) -> Image.Image:
    """Everything under a line that runs from the left edge to the right."""
    width, height = size

    def draw(pen: ImageDraw.ImageDraw, scale: int) -> None:
        points = [(x * scale, y * scale) for x, y in line]
        pen.polygon([(-scale, height * scale), *points, (width * scale + scale, height * scale)], fill=255)

    return mask(size, draw)


def glow(image: Image.Image, center: Point, radius: float, color: Color, strength: float) -> None:
    """Light that fades from a point outwards, laid over the image in place."""
    side = max(2, round(radius * 2))
    fall = [round(255 * strength * (1 - min(1.0, step / 182)) ** 2) for step in range(256)]
    spot = disc().point(fall).resize((side, side), Image.Resampling.BICUBIC)
    image.paste(color, (round(center[0] - radius), round(center[1] - radius)), spot)


def noise(size: Size, cells: Size, rng: random.Random) -> Image.Image:
    """Soft light and dark patches, about so many across and down."""
    coarse = _bytes(cells, rng).resize(size, Image.Resampling.BICUBIC)
    fine = _bytes((cells[0] * 3, cells[1] * 3), rng).resize(size, Image.Resampling.BICUBIC)
    return Image.blend(coarse, fine, 0.35)


def _bytes(size: Size, rng: random.Random) -> Image.Image:
    return Image.frombytes("L", size, rng.randbytes(size[0] * size[1]))


@cache
def disc() -> Image.Image:
    """256 x 256: 0 in the middle, 255 from about its edges on; not to be changed."""
    return Image.radial_gradient("L")


@cache
def levels(low: int, high: int, most: int = 255) -> list[int]:
    """A table for `point`: nothing up to `low`, `most` from `high`, even in between."""
    return [round(most * min(1.0, max(0.0, (value - low) / (high - low)))) for value in range(256)]


def grained(image: Image.Image, rng: random.Random, amount: int = 3) -> Image.Image:
    """With the fine unrest that hides the steps of a gradient, the same in all channels."""
    tile = (min(image.width, 512), min(image.height, 512))
    # The mean of two even distributions is nearer to film than one.
    unrest = Image.blend(_bytes(tile, rng), _bytes(tile, rng), 0.5).point(
        [round(128 + (value - 128) * amount / 64) for value in range(256)]
    )
    grain = Image.new("L", image.size)
    for top in range(0, image.height, tile[1]):
        for left in range(0, image.width, tile[0]):
            grain.paste(unrest, (left, top))
    return ImageChops.add(image, Image.merge("RGB", (grain, grain, grain)), scale=1, offset=-128)


def vignetted(image: Image.Image, strength: float) -> Image.Image:
    """Darker towards the corners."""
    fall = [round(255 * (1 - strength * (step / 255) ** 2.4)) for step in range(256)]
    shade = disc().point(fall).resize(image.size, Image.Resampling.BILINEAR)
    return ImageChops.multiply(image, Image.merge("RGB", (shade, shade, shade)))


def ridge(rng: random.Random, width: int, *, base: float, height: float, bumps: float, rough: float) -> list[Point]:
    """A line of hills across the width around `base`: `bumps` of them, smooth at `rough` 0, jagged at 1."""
    octaves = [(bumps * 2**octave, rough**octave) for octave in range(6) if rough**octave > 0.02]
    tables = [[rng.uniform(-1, 1) for _ in range(int(count) + 3)] for count, _ in octaves]
    total = sum(weight for _, weight in octaves)
    steps = max(8, min(width // 2, 420))
    line = []
    for step in range(steps + 1):
        place = step / steps
        value = sum(
            weight * _smooth(table, place * count) for (count, weight), table in zip(octaves, tables, strict=True)
        )
        line.append((place * width, base - height * value / total))
    return line


def _smooth(table: Sequence[float], place: float) -> float:
    index = int(place)
    share = place - index
    share = share * share * (3 - 2 * share)
    return table[index] * (1 - share) + table[index + 1] * share


def height_at(line: Sequence[Point], x: float) -> float:
    """Where a ridge, whose points are evenly spaced from x 0 on, is at x."""
    last = len(line) - 1
    return line[max(0, min(last, round(x / max(1.0, line[last][0]) * last)))][1]
