"""Tracing a picture into flat polygons of few colours, as a JSON document.

A document and not an SVG: nothing that a browser could run, and as easy to draw. The shapes are painted in order over
the background, each over those before it; a shape's rings are filled by the even-odd rule, so that holes need no mark.
"""

import math
from collections.abc import Iterator
from typing import TypedDict

from PIL import Image, ImageFilter

from generation.providers.sandbox.art.color import Color, hexadecimal, luminance
from generation.providers.sandbox.pixels import opaque

type Corner = tuple[int, int]
type Ring = list[Corner]

_SIDE = 160
# A ring of fewer corners than this runs around a speck.
_LEAST_CORNERS = 8
# How far, in cells, a simplified line may pass from the traced one.
_TOLERANCE = 0.8


class Shape(TypedDict):
    fill: str
    rings: list[list[list[float]]]


class Drawing(TypedDict):
    width: int
    height: int
    background: str
    fillRule: str
    shapes: list[Shape]


def traced(image: Image.Image, colors: int) -> Drawing:
    """The picture as polygons in its own pixel coordinates, from the darkest colour up to the lightest."""
    small = opaque(image).copy()
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    flat = small.filter(ImageFilter.MedianFilter(3)).quantize(colors, Image.Quantize.MAXCOVERAGE, kmeans=2)
    flat = flat.filter(ImageFilter.ModeFilter(3))
    palette = _palette(flat)
    order = sorted(palette, key=lambda index: luminance(palette[index]))
    rank = [order.index(index) if index in palette else 0 for index in range(256)]
    ranks = Image.frombytes("L", flat.size, flat.tobytes()).point(rank)
    across, down = image.width / flat.width, image.height / flat.height
    shapes: list[Shape] = []
    for level, index in enumerate(order[1:], start=1):
        rings = [_simplified(ring) for ring in _rings(ranks, level) if len(ring) >= _LEAST_CORNERS]
        points = [[[round(x * across, 1), round(y * down, 1)] for x, y in ring] for ring in rings if len(ring) > 2]
        if points:
            shapes.append({"fill": hexadecimal(palette[index]), "rings": points})
    background = hexadecimal(palette[order[0]])
    return {
        "width": image.width,
        "height": image.height,
        "background": background,
        "fillRule": "evenodd",
        "shapes": shapes,
    }


def _palette(flat: Image.Image) -> dict[int, Color]:
    """The colours in use, by their index."""
    values = flat.getpalette() or []
    used = [index for index, count in enumerate(flat.histogram()) if count]
    return {index: (values[3 * index], values[3 * index + 1], values[3 * index + 2]) for index in used}


def _rings(ranks: Image.Image, level: int) -> Iterator[Ring]:
    """The outlines of all cells at or above a level, walked along the cracks between cells."""
    width, height = ranks.size
    rows = ranks.tobytes()
    inside = [[value >= level for value in rows[y * width : (y + 1) * width]] for y in range(height)]
    ways: dict[Corner, list[Corner]] = {}
    for y in range(height):
        for x in range(width):
            if not inside[y][x]:
                continue
            if y == 0 or not inside[y - 1][x]:
                ways.setdefault((x, y), []).append((x + 1, y))
            if x == width - 1 or not inside[y][x + 1]:
                ways.setdefault((x + 1, y), []).append((x + 1, y + 1))
            if y == height - 1 or not inside[y + 1][x]:
                ways.setdefault((x + 1, y + 1), []).append((x, y + 1))
            if x == 0 or not inside[y][x - 1]:
                ways.setdefault((x, y + 1), []).append((x, y))
    while ways:
        start = next(iter(ways))
        ring: Ring = []
        here = start
        while not ring or here != start:
            ring.append(here)
            onward = ways[here].pop()
            if not ways[here]:
                del ways[here]
            here = onward
        yield ring


def _simplified(ring: Ring) -> Ring:
    """The ring with fewer corners (Douglas and Peucker's way), held at its start and at the corner opposite."""
    far = max(range(len(ring)), key=lambda index: math.dist(ring[0], ring[index]))
    closed = [*ring, ring[0]]
    keep = {0, far}
    spans = [(0, far), (far, len(ring))]
    while spans:
        start, end = spans.pop()
        if end - start < 2:
            continue
        index = max(range(start + 1, end), key=lambda at: _off(closed[at], closed[start], closed[end]))
        if _off(closed[index], closed[start], closed[end]) > _TOLERANCE:
            keep.add(index)
            spans += [(start, index), (index, end)]
    return [closed[index] for index in sorted(keep)]


def _off(point: Corner, start: Corner, end: Corner) -> float:
    """How far a point is from the line through two others."""
    if start == end:
        return math.dist(point, start)
    area = (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])
    return abs(area) / math.dist(start, end)
