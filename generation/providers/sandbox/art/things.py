"""The things a prompt may ask for: how each is drawn, how tall it is, and on what it stands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from generation.providers.sandbox.art import beings, plants, works
from generation.providers.sandbox.art.pen import Ink, Pen

type Place = Literal["land", "water", "sky"]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a thing is drawn, how tall it stands beside the picture's shorter side, how wide for that, and on what."""

    draw: Callable[[Pen, Ink], None]
    tall: float
    wide: float
    place: Place


KINDS: dict[str, Kind] = {
    "lighthouse": Kind(works.lighthouse, 0.52, 0.52, "land"),
    "boat": Kind(works.boat, 0.24, 0.95, "water"),
    "cabin": Kind(works.cabin, 0.26, 1.1, "land"),
    "cat": Kind(beings.cat, 0.4, 0.72, "land"),
    "fox": Kind(beings.fox, 0.38, 0.72, "land"),
    "dog": Kind(beings.dog, 0.38, 0.72, "land"),
    "tree": Kind(plants.tree, 0.46, 0.86, "land"),
    "balloon": Kind(works.balloon, 0.34, 0.72, "sky"),
    "castle": Kind(works.castle, 0.44, 1.0, "land"),
    "windmill": Kind(works.windmill, 0.42, 0.8, "land"),
    "birds": Kind(beings.birds, 0.2, 1.5, "sky"),
    "rocket": Kind(works.rocket, 0.5, 0.56, "sky"),
    "whale": Kind(beings.whale, 0.24, 1.7, "water"),
    "flower": Kind(plants.flower, 0.42, 0.62, "land"),
    "robot": Kind(beings.robot, 0.42, 0.68, "land"),
    "mushroom": Kind(plants.mushroom, 0.3, 0.9, "land"),
    "cactus": Kind(plants.cactus, 0.4, 0.62, "land"),
    "person": Kind(beings.person, 0.36, 0.46, "land"),
}


def drawn(name: str, ink: Ink, height: int, *, is_lit_from_left: bool, shade: float = 0.3) -> Image.Image:
    """The thing at so many pixels of height, on nothing."""
    kind = KINDS[name]
    pen = Pen(max(2, round(height * kind.wide)), max(2, height))
    kind.draw(pen, ink)
    return pen.finished(shade, is_lit_from_left)
