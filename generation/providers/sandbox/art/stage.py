"""A picture in the making: the canvas and what its painters share."""

import random
from dataclasses import dataclass

from PIL import Image

from generation.providers.sandbox.art import paint
from generation.providers.sandbox.art.color import Color
from generation.providers.sandbox.art.paint import Point, Size
from generation.providers.sandbox.art.wish import Mood, Wish


@dataclass(slots=True)
class Scene:
    """A picture in the making."""

    image: Image.Image
    wish: Wish
    rng: random.Random
    sun: Point
    # Where the sky ends, and the line that things stand on.
    horizon: float
    ground: list[Point]

    @property
    def size(self) -> Size:
        return self.image.size

    @property
    def mood(self) -> Mood:
        return self.wish.mood

    @property
    def unit(self) -> int:
        """The shorter side: what sizes go by."""
        return min(self.image.size)

    def lay(self, mask: Image.Image, color: Color) -> None:
        self.image.paste(color, (0, 0), mask)

    def lay_land(self, line: list[Point], top: Color, bottom: Color) -> None:
        """Fill everything below a line, from its crest's colour down to another."""
        start = max(0, int(min(y for _, y in line)))
        width, height = self.size
        if start >= height:
            return
        part = (width, height - start)
        moved = [(x, y - start) for x, y in line]
        self.image.paste(paint.gradient(part, ((0, top), (1, bottom))), (0, start), paint.below(part, moved))
