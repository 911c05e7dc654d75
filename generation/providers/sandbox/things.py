"""The things a prompt may ask for, each drawn in a box of its own: x to the right and y down, from 0 to 1."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageChops, ImageDraw

from generation.providers.sandbox.color import Color, mix

type Place = Literal["land", "water", "sky"]


@dataclass(frozen=True, slots=True)
class Ink:
    """The colours a thing is drawn in: its own if asked for, what is around it, and the light on it."""

    own: Color | None
    dark: Color
    light: Color
    glow: Color
    is_dark: bool

    def of(self, usual: Color) -> Color:
        """The thing's own colour, or its usual one; both take on some of the dusk around."""
        return mix(self.own or usual, self.dark, 0.42 if self.is_dark else 0.06)

    def fixed(self, usual: Color) -> Color:
        """A part that keeps its colour whatever the thing's own is."""
        return mix(usual, self.dark, 0.42 if self.is_dark else 0.06)

    @property
    def window(self) -> Color:
        return self.glow if self.is_dark else mix(self.dark, self.light, 0.25)


class Pen:
    """Draws in the unit box of a picture of the given size, at several times that size."""

    def __init__(self, width: int, height: int) -> None:
        self._scale = 4 if max(width, height) < 300 else 2
        self._size = (width, height)
        self.width, self.height = width * self._scale, height * self._scale
        self._image = Image.new("RGBA", (self.width, self.height))
        self._draw = ImageDraw.Draw(self._image)

    def poly(self, color: Color, *points: tuple[float, float]) -> None:
        self._draw.polygon([(x * self.width, y * self.height) for x, y in points], fill=color)

    def oval(self, color: Color, x: float, y: float, rx: float, ry: float) -> None:
        """Around (x, y); radii in parts of the width and of the height."""
        self._draw.ellipse(self._box(x - rx, y - ry, x + rx, y + ry), fill=color)

    def box(self, color: Color, x0: float, y0: float, x1: float, y1: float, round_by: float = 0.0) -> None:
        self._draw.rounded_rectangle(self._box(x0, y0, x1, y1), radius=round_by * self.width, fill=color)

    def arc(self, color: Color, box: tuple[float, float, float, float], start: float, end: float, wide: float) -> None:
        self._draw.arc(self._box(*box), start, end, fill=color, width=max(1, round(wide * self.width)))

    def line(self, color: Color, wide: float, *points: tuple[float, float]) -> None:
        """A stroke with round ends, `wide` in parts of the width."""
        thick = max(1.0, wide * self.width)
        flat = [(x * self.width, y * self.height) for x, y in points]
        self._draw.line(flat, fill=color, width=round(thick), joint="curve")
        for x, y in (flat[0], flat[-1]):
            self._draw.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=color)

    def _box(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        return x0 * self.width, y0 * self.height, x1 * self.width, y1 * self.height

    def finished(self, shade: float, is_lit_from_left: bool) -> Image.Image:
        """The drawing at its size, darker on the side away from the light."""
        image = self._image.reduce(self._scale)
        side = Image.linear_gradient("L").rotate(90 if is_lit_from_left else 270)
        side = side.point([round(255 - shade * value) for value in range(256)]).resize(self._size)
        red, green, blue, alpha = image.split()
        return Image.merge("RGBA", [*(ImageChops.multiply(band, side) for band in (red, green, blue)), alpha])


def lighthouse(pen: Pen, ink: Ink) -> None:
    white, red = ink.fixed((246, 242, 232)), ink.of((206, 52, 46))
    pen.poly(ink.fixed((96, 92, 96)), (0.02, 1), (0.16, 0.93), (0.4, 0.9), (0.7, 0.91), (0.9, 0.95), (1, 1))
    pen.box(white, 0.62, 0.84, 0.94, 0.95)
    pen.poly(red, (0.58, 0.845), (0.78, 0.785), (0.98, 0.845))
    top, bottom, high, low = 0.36, 0.27, 0.26, 0.92

    def band(start: float, end: float, color: Color) -> None:
        at = [bottom + (top - bottom) * (1 - part) for part in (start, end)]
        ys = [high + (low - high) * part for part in (start, end)]
        pen.poly(color, (at[0], ys[0]), (1 - at[0] - 0.02, ys[0]), (1 - at[1] - 0.02, ys[1]), (at[1], ys[1]))

    for index in range(5):
        band(index / 5, (index + 1) / 5, red if index % 2 else white)
    pen.box(ink.window, 0.455, 0.36, 0.525, 0.385)
    pen.box(ink.window, 0.455, 0.62, 0.525, 0.648)
    dark = ink.fixed((52, 50, 62))
    pen.box(dark, 0.29, 0.235, 0.69, 0.262)
    pen.box(ink.glow, 0.385, 0.15, 0.595, 0.236)
    for x in (0.385, 0.48, 0.575):
        pen.box(dark, x, 0.15, x + 0.02, 0.236)
    pen.poly(red, (0.34, 0.152), (0.49, 0.08), (0.64, 0.152))
    pen.line(dark, 0.02, (0.49, 0.085), (0.49, 0.03))


def boat(pen: Pen, ink: Ink) -> None:
    sail, hull = ink.fixed((250, 244, 230)), ink.of((176, 58, 48))
    pen.line(ink.fixed((84, 62, 48)), 0.018, (0.5, 0.04), (0.5, 0.82))
    pen.poly(sail, (0.53, 0.06), (0.9, 0.7), (0.53, 0.74))
    pen.poly(mix(sail, ink.dark, 0.12), (0.47, 0.12), (0.47, 0.74), (0.16, 0.72))
    pen.poly(hull, (0.08, 0.79), (0.96, 0.77), (0.86, 0.93), (0.78, 0.97), (0.28, 0.97), (0.2, 0.94))
    pen.poly(mix(hull, ink.light, 0.4), (0.08, 0.79), (0.96, 0.77), (0.945, 0.805), (0.095, 0.825))


def cabin(pen: Pen, ink: Ink) -> None:
    wall, roof = ink.of((166, 112, 74)), ink.fixed((92, 52, 48))
    pen.box(ink.fixed((120, 108, 104)), 0.68, 0.1, 0.78, 0.42)
    pen.box(wall, 0.14, 0.46, 0.86, 1)
    for line in range(1, 6):
        pen.line(mix(wall, ink.dark, 0.22), 0.006, (0.14, 0.46 + line * 0.09), (0.86, 0.46 + line * 0.09))
    pen.poly(roof, (0.02, 0.52), (0.5, 0.1), (0.98, 0.52), (0.94, 0.58), (0.5, 0.2), (0.06, 0.58))
    pen.poly(wall, (0.12, 0.53), (0.5, 0.2), (0.88, 0.53))
    pen.box(mix(roof, ink.dark, 0.2), 0.42, 0.66, 0.58, 1)
    for x in (0.2, 0.64):
        pen.box(ink.window, x, 0.62, x + 0.16, 0.8)
        pen.line(roof, 0.014, (x + 0.08, 0.62), (x + 0.08, 0.8))
        pen.line(roof, 0.014, (x, 0.71), (x + 0.16, 0.71))
    pen.oval(ink.window, 0.5, 0.42, 0.055, 0.06)


def _sitting(pen: Pen, coat: Color, belly: Color) -> None:
    """An animal that sits and looks at us: body, legs and head, without ears and tail."""
    shadow = mix(coat, (0, 0, 0), 0.22)
    pen.oval(coat, 0.5, 0.76, 0.26, 0.25)
    pen.poly(coat, (0.32, 0.42), (0.68, 0.42), (0.74, 0.78), (0.26, 0.78))
    pen.oval(shadow, 0.3, 0.88, 0.13, 0.1)
    pen.oval(shadow, 0.7, 0.88, 0.13, 0.1)
    pen.oval(belly, 0.5, 0.68, 0.12, 0.18)
    for x in (0.42, 0.58):
        pen.box(coat, x - 0.06, 0.62, x + 0.06, 0.97, 0.06)
        pen.oval(belly, x, 0.955, 0.07, 0.035)
    pen.oval(coat, 0.5, 0.33, 0.24, 0.18)


def _face(pen: Pen, eye: Color, nose: Color, y: float = 0.32) -> None:
    for x in (0.405, 0.595):
        pen.oval(eye, x, y, 0.042, 0.036)
        pen.oval((16, 16, 20), x, y, 0.018, 0.03)
        pen.oval((255, 255, 255), x - 0.012, y - 0.012, 0.01, 0.008)
    pen.poly(nose, (0.47, y + 0.065), (0.53, y + 0.065), (0.5, y + 0.095))


def cat(pen: Pen, ink: Ink) -> None:
    coat = ink.of((72, 70, 82))
    belly = mix(coat, (255, 248, 236), 0.3)
    pen.arc(coat, (0.6, 0.52, 0.98, 0.98), -80, 110, 0.075)
    pen.oval(coat, 0.81, 0.53, 0.038, 0.026)
    for side in (-1, 1):
        pen.poly(coat, (0.5 + side * 0.22, 0.29), (0.5 + side * 0.215, 0.06), (0.5 + side * 0.05, 0.2))
        pen.poly(mix(coat, (236, 150, 150), 0.6), (0.5 + side * 0.195, 0.23), (0.5 + side * 0.19, 0.11), (0.5 + side * 0.1, 0.19))
    _sitting(pen, coat, belly)
    _face(pen, ink.glow if ink.is_dark else (226, 196, 84), (222, 140, 140))
    for side in (-1, 1):
        for tilt in (-0.02, 0.012):
            pen.line(mix(coat, (255, 255, 255), 0.6), 0.006, (0.5 + side * 0.1, 0.4), (0.5 + side * 0.33, 0.4 + tilt))


def fox(pen: Pen, ink: Ink) -> None:
    coat, white = ink.of((224, 112, 44)), ink.fixed((252, 240, 226))
    pen.oval(coat, 0.8, 0.78, 0.15, 0.2)
    pen.oval(white, 0.85, 0.64, 0.08, 0.09)
    for side in (-1, 1):
        pen.poly(coat, (0.5 + side * 0.23, 0.3), (0.5 + side * 0.24, 0.03), (0.5 + side * 0.04, 0.2))
        pen.poly(ink.fixed((60, 40, 40)), (0.5 + side * 0.205, 0.2), (0.5 + side * 0.21, 0.08), (0.5 + side * 0.11, 0.17))
    _sitting(pen, coat, white)
    for side in (-1, 1):
        pen.poly(white, (0.5 + side * 0.235, 0.35), (0.5, 0.36), (0.5, 0.5))
    pen.poly(coat, (0.42, 0.28), (0.58, 0.28), (0.5, 0.46))
    _face(pen, ink.fixed((60, 40, 34)), (30, 26, 30), 0.325)
    pen.oval(ink.fixed((30, 26, 30)), 0.5, 0.465, 0.04, 0.026)


def dog(pen: Pen, ink: Ink) -> None:
    coat = ink.of((190, 142, 92))
    pen.line(coat, 0.07, (0.7, 0.86), (0.86, 0.76), (0.92, 0.62))
    _sitting(pen, coat, mix(coat, (255, 248, 236), 0.55))
    ear = mix(coat, (60, 36, 24), 0.5)
    for side in (-1, 1):
        pen.oval(ear, 0.5 + side * 0.235, 0.33, 0.075, 0.15)
    pen.oval(mix(coat, (255, 248, 236), 0.6), 0.5, 0.41, 0.12, 0.085)
    _face(pen, ink.fixed((70, 44, 30)), (34, 28, 30), 0.31)
    pen.oval(ink.fixed((34, 28, 30)), 0.5, 0.385, 0.045, 0.03)
    pen.oval(ink.fixed((226, 110, 118)), 0.5, 0.475, 0.032, 0.032)


def tree(pen: Pen, ink: Ink) -> None:
    bark, leaves = ink.fixed((96, 66, 48)), ink.of((70, 134, 72))
    pen.poly(bark, (0.45, 0.5), (0.55, 0.5), (0.57, 0.9), (0.66, 1), (0.34, 1), (0.43, 0.9))
    pen.line(bark, 0.035, (0.5, 0.7), (0.3, 0.5))
    pen.line(bark, 0.035, (0.5, 0.64), (0.7, 0.46))
    crowns = ((0.28, 0.46, 0.2), (0.72, 0.46, 0.2), (0.5, 0.5, 0.22), (0.36, 0.28, 0.2), (0.66, 0.28, 0.2), (0.5, 0.18, 0.17))
    for x, y, r in crowns:
        pen.oval(mix(leaves, ink.dark, 0.3), x, y + 0.03, r, r * 0.86)
    for x, y, r in crowns:
        pen.oval(leaves, x - 0.012, y, r * 0.9, r * 0.76)
    for x, y, r in crowns[::2]:
        pen.oval(mix(leaves, ink.light, 0.22), x - 0.04, y - 0.05, r * 0.55, r * 0.42)


def pine(pen: Pen, ink: Ink) -> None:
    green = ink.of((44, 94, 78))
    pen.box(ink.fixed((84, 60, 46)), 0.45, 0.86, 0.55, 1)
    for index in range(4):
        top, wide = 0.02 + index * 0.2, 0.2 + index * 0.095
        pen.poly(mix(green, ink.dark, 0.3 - index * 0.06), (0.5, top), (0.5 + wide, top + 0.32), (0.5 - wide, top + 0.32))


def balloon(pen: Pen, ink: Ink) -> None:
    main, other = ink.of((226, 84, 66)), ink.fixed((252, 232, 196))
    pen.poly(main, (0.1, 0.42), (0.9, 0.42), (0.6, 0.76), (0.4, 0.76))
    pen.oval(main, 0.5, 0.36, 0.46, 0.35)
    for wide, color in ((0.3, other), (0.13, main)):
        pen.oval(color, 0.5, 0.36, wide, 0.35)
        pen.poly(color, (0.5 - wide, 0.4), (0.5 + wide, 0.4), (0.5 + wide * 0.24, 0.755), (0.5 - wide * 0.24, 0.755))
    rope = ink.fixed((96, 74, 56))
    for x in (0.42, 0.58):
        pen.line(rope, 0.01, (x, 0.76), (0.5 + (x - 0.5) * 0.8, 0.88))
    pen.box(rope, 0.41, 0.87, 0.59, 0.98, 0.03)
    pen.box(mix(rope, ink.light, 0.4), 0.4, 0.865, 0.6, 0.89, 0.01)


def castle(pen: Pen, ink: Ink) -> None:
    stone, roof = ink.of((178, 170, 166)), ink.fixed((98, 72, 120))
    shade = mix(stone, ink.dark, 0.18)
    pen.box(shade, 0.2, 0.56, 0.8, 1)
    for x in range(6):
        pen.box(shade, 0.2 + x * 0.104, 0.52, 0.26 + x * 0.104, 0.57)
    for x, top, wide in ((0.4, 0.3, 0.2), (0.06, 0.46, 0.18), (0.76, 0.42, 0.18)):
        pen.box(stone, x, top, x + wide, 1)
        middle = x + wide / 2
        pen.poly(roof, (x - 0.03, top + 0.01), (middle, top - 0.22), (x + wide + 0.03, top + 0.01))
        pen.line(ink.fixed((70, 60, 70)), 0.008, (middle, top - 0.2), (middle, top - 0.28))
        pen.poly(ink.fixed((220, 70, 62)), (middle, top - 0.28), (middle + 0.08, top - 0.255), (middle, top - 0.23))
        pen.box(ink.window, middle - 0.025, top + 0.1, middle + 0.025, top + 0.19, 0.025)
        pen.box(ink.window, middle - 0.025, top + 0.28, middle + 0.025, top + 0.36, 0.025)
    pen.oval(ink.fixed((66, 46, 44)), 0.5, 0.86, 0.085, 0.08)
    pen.box(ink.fixed((66, 46, 44)), 0.415, 0.86, 0.585, 1)


def windmill(pen: Pen, ink: Ink) -> None:
    wall = ink.of((232, 222, 204))
    pen.poly(wall, (0.36, 0.4), (0.64, 0.4), (0.72, 1), (0.28, 1))
    pen.poly(ink.fixed((120, 66, 54)), (0.32, 0.42), (0.38, 0.3), (0.5, 0.25), (0.62, 0.3), (0.68, 0.42))
    pen.box(ink.fixed((96, 66, 52)), 0.44, 0.84, 0.56, 1, 0.05)
    pen.box(ink.window, 0.46, 0.58, 0.54, 0.66)
    beam, cloth = ink.fixed((88, 64, 52)), ink.fixed((250, 244, 232))
    ratio = pen.width / pen.height
    for quarter in range(4):
        angle = math.radians(32 + 90 * quarter)

        def at(along: float, aside: float, angle: float = angle) -> tuple[float, float]:
            x = math.cos(angle) * along - math.sin(angle) * aside
            y = math.sin(angle) * along + math.cos(angle) * aside
            return 0.5 + x, 0.36 + y * ratio

        pen.poly(cloth, at(0.1, 0.01), at(0.46, 0.01), at(0.46, 0.11), at(0.1, 0.11))
        for part in (0.1, 0.22, 0.34, 0.46):
            pen.line(beam, 0.008, at(part, 0), at(part, 0.11))
        pen.line(beam, 0.018, at(0, 0), at(0.47, 0))
    pen.oval(beam, 0.5, 0.36, 0.035, 0.035 * ratio)


def birds(pen: Pen, ink: Ink) -> None:
    color = ink.own or mix(ink.dark, ink.light, 0.12)
    for x, y, size in ((0.2, 0.5, 0.16), (0.48, 0.3, 0.2), (0.74, 0.56, 0.14), (0.88, 0.24, 0.1), (0.36, 0.76, 0.11)):
        for side in (-1, 1):
            tip, knee = (x + side * size, y - size * 0.5), (x + side * size * 0.5, y - size * 0.7)
            pen.poly(color, (x, y), knee, tip, (x + side * size * 0.5, y - size * 0.42))
        pen.oval(color, x, y - 0.01, size * 0.13, size * 0.18)


def rocket(pen: Pen, ink: Ink) -> None:
    body, red = ink.fixed((240, 240, 244)), ink.of((220, 66, 58))
    for wide, end, color in ((0.13, 1.0, (255, 146, 46)), (0.08, 0.93, (255, 224, 120))):
        pen.poly(color, (0.5 - wide, 0.76), (0.5 + wide, 0.76), (0.5, end))
    for side in (-1, 1):
        pen.poly(red, (0.5 + side * 0.16, 0.52), (0.5 + side * 0.4, 0.8), (0.5 + side * 0.14, 0.76))
    pen.oval(body, 0.5, 0.42, 0.2, 0.36)
    pen.box(body, 0.34, 0.44, 0.66, 0.76, 0.04)
    nose = [(0.5 + 0.2 * math.sin(turn), 0.42 - 0.36 * math.cos(turn)) for turn in (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)]
    pen.poly(red, *nose)
    pen.oval(ink.fixed((70, 80, 96)), 0.5, 0.42, 0.11, 0.075)
    pen.oval(ink.fixed((140, 206, 236)), 0.5, 0.42, 0.08, 0.055)
    pen.poly(red, (0.46, 0.58), (0.54, 0.58), (0.53, 0.82), (0.47, 0.82))


def whale(pen: Pen, ink: Ink) -> None:
    skin = ink.of((64, 96, 132))
    spray = mix(ink.light, skin, 0.12)
    for side in (-1, 1):
        pen.arc(spray, (0.3 + side * 0.07 - 0.07, 0.08, 0.3 + side * 0.07 + 0.07, 0.42), 180 if side > 0 else 270, 270 if side > 0 else 360, 0.018)
    pen.poly(skin, (0.7, 0.7), (0.86, 0.34), (0.93, 0.4), (0.8, 0.92))
    pen.poly(skin, (0.9, 0.38), (0.78, 0.2), (0.87, 0.26), (0.9, 0.3), (0.94, 0.25), (1, 0.2), (0.95, 0.4))
    pen.oval(skin, 0.42, 0.72, 0.4, 0.3)
    pen.poly(skin, (0.5, 0.5), (0.8, 0.66), (0.82, 0.95), (0.4, 0.95))
    belly = mix(skin, (255, 255, 255), 0.55)
    pen.poly(belly, (0.05, 0.84), (0.46, 0.84), (0.62, 0.98), (0.12, 0.98))
    for line in range(4):
        pen.line(mix(belly, skin, 0.4), 0.006, (0.08, 0.865 + line * 0.03), (0.5, 0.865 + line * 0.03))
    pen.oval((18, 22, 30), 0.16, 0.73, 0.017, 0.026)


def flower(pen: Pen, ink: Ink) -> None:
    stem, petal = ink.fixed((66, 132, 74)), ink.of((232, 88, 112))
    pen.line(stem, 0.035, (0.5, 0.4), (0.49, 0.7), (0.5, 1))
    for side in (-1, 1):
        pen.poly(stem, (0.5, 0.84), (0.5 + side * 0.14, 0.68), (0.5 + side * 0.3, 0.66), (0.5 + side * 0.2, 0.78))
    ratio = pen.width / pen.height
    for ring, (reach, color) in enumerate(((0.26, mix(petal, ink.dark, 0.16)), (0.2, petal))):
        for turn in range(8):
            angle = math.tau * (turn + ring / 2) / 8
            pen.oval(color, 0.5 + math.cos(angle) * reach, 0.3 + math.sin(angle) * reach * ratio, 0.13, 0.13 * ratio)
    pen.oval(ink.fixed((250, 202, 76)), 0.5, 0.3, 0.15, 0.15 * ratio)
    pen.oval(ink.fixed((226, 158, 46)), 0.5, 0.31, 0.09, 0.09 * ratio)


def robot(pen: Pen, ink: Ink) -> None:
    metal = ink.of((150, 172, 190))
    dark = mix(metal, (20, 24, 34), 0.62)
    pen.line(dark, 0.02, (0.5, 0.16), (0.5, 0.06))
    pen.oval(ink.glow, 0.5, 0.05, 0.045, 0.03)
    for side in (-1, 1):
        pen.line(mix(metal, dark, 0.4), 0.07, (0.5 + side * 0.27, 0.52), (0.5 + side * 0.39, 0.64), (0.5 + side * 0.36, 0.76))
        pen.oval(dark, 0.5 + side * 0.36, 0.78, 0.06, 0.04)
        pen.box(mix(metal, dark, 0.4), 0.5 + side * 0.13 - 0.06, 0.78, 0.5 + side * 0.13 + 0.06, 0.95, 0.02)
        pen.box(dark, 0.5 + side * 0.14 - 0.1, 0.93, 0.5 + side * 0.14 + 0.1, 0.99, 0.03)
    pen.box(metal, 0.24, 0.46, 0.76, 0.82, 0.08)
    pen.box(mix(metal, (255, 255, 255), 0.35), 0.33, 0.53, 0.67, 0.7, 0.04)
    for index, color in enumerate(((226, 84, 74), (240, 190, 70), (88, 190, 120))):
        pen.oval(color, 0.41 + index * 0.09, 0.615, 0.03, 0.022)
    pen.box(mix(metal, dark, 0.4), 0.43, 0.4, 0.57, 0.48)
    pen.box(metal, 0.22, 0.15, 0.78, 0.42, 0.1)
    pen.box(dark, 0.28, 0.2, 0.72, 0.36, 0.07)
    for x in (0.39, 0.61):
        pen.oval(mix(ink.glow, (120, 230, 255), 0.6), x, 0.28, 0.055, 0.04)


def mushroom(pen: Pen, ink: Ink) -> None:
    cap, stem = ink.of((206, 52, 48)), ink.fixed((246, 234, 212))
    pen.poly(stem, (0.4, 0.45), (0.6, 0.45), (0.66, 0.98), (0.34, 0.98))
    pen.oval(mix(stem, ink.dark, 0.16), 0.5, 0.52, 0.2, 0.07)
    pen.oval(mix(stem, ink.dark, 0.24), 0.5, 0.48, 0.42, 0.09)
    crest = [(0.5 - 0.46 * math.cos(turn * math.pi / 24), 0.48 - 0.42 * math.sin(turn * math.pi / 24)) for turn in range(25)]
    pen.poly(cap, *crest)
    for x, y, r in ((0.5, 0.18, 0.07), (0.28, 0.3, 0.055), (0.72, 0.28, 0.06), (0.46, 0.37, 0.04), (0.62, 0.41, 0.035), (0.16, 0.42, 0.03)):
        pen.oval(ink.fixed((252, 246, 236)), x, y, r, r * 0.8)


def cactus(pen: Pen, ink: Ink) -> None:
    green = ink.of((74, 134, 84))
    pen.box(green, 0.4, 0.06, 0.6, 1, 0.1)
    pen.line(green, 0.14, (0.5, 0.66), (0.2, 0.64), (0.2, 0.42))
    pen.line(green, 0.14, (0.5, 0.54), (0.8, 0.52), (0.8, 0.26))
    for x, top, end in ((0.46, 0.14, 0.98), (0.54, 0.14, 0.98), (0.2, 0.44, 0.62), (0.8, 0.28, 0.5)):
        pen.line(mix(green, ink.dark, 0.3), 0.014, (x, top), (x, end))
    pen.oval(ink.fixed((240, 120, 150)), 0.5, 0.06, 0.08, 0.035)


def person(pen: Pen, ink: Ink) -> None:
    coat, skin = ink.of((196, 74, 60)), ink.fixed((226, 178, 146))
    dark = ink.fixed((44, 42, 56))
    for side in (-1, 1):
        pen.box(dark, 0.5 + side * 0.1 - 0.07, 0.7, 0.5 + side * 0.1 + 0.07, 0.98, 0.04)
        pen.oval(mix(dark, (0, 0, 0), 0.3), 0.5 + side * 0.12, 0.975, 0.11, 0.024)
        pen.line(mix(coat, ink.dark, 0.14), 0.11, (0.5 + side * 0.18, 0.34), (0.5 + side * 0.26, 0.6))
        pen.oval(skin, 0.5 + side * 0.265, 0.625, 0.055, 0.026)
    pen.poly(coat, (0.32, 0.3), (0.68, 0.3), (0.8, 0.78), (0.2, 0.78))
    pen.oval(coat, 0.5, 0.31, 0.18, 0.05)
    pen.oval(skin, 0.5, 0.17, 0.16, 0.085)
    pen.poly(dark, (0.32, 0.17), (0.34, 0.09), (0.5, 0.06), (0.66, 0.09), (0.68, 0.17), (0.62, 0.135), (0.38, 0.135))
    pen.box(mix(coat, ink.light, 0.45), 0.34, 0.255, 0.66, 0.3, 0.05)


@dataclass(frozen=True, slots=True)
class Kind:
    """How a thing is drawn, how tall it stands beside the picture's shorter side, how wide for that, and on what."""

    draw: Callable[[Pen, Ink], None]
    tall: float
    wide: float
    place: Place


KINDS: dict[str, Kind] = {
    "lighthouse": Kind(lighthouse, 0.52, 0.52, "land"),
    "boat": Kind(boat, 0.24, 0.95, "water"),
    "cabin": Kind(cabin, 0.26, 1.1, "land"),
    "cat": Kind(cat, 0.4, 0.72, "land"),
    "fox": Kind(fox, 0.38, 0.72, "land"),
    "dog": Kind(dog, 0.38, 0.72, "land"),
    "tree": Kind(tree, 0.46, 0.86, "land"),
    "balloon": Kind(balloon, 0.34, 0.72, "sky"),
    "castle": Kind(castle, 0.44, 1.0, "land"),
    "windmill": Kind(windmill, 0.42, 0.8, "land"),
    "birds": Kind(birds, 0.2, 1.5, "sky"),
    "rocket": Kind(rocket, 0.5, 0.56, "sky"),
    "whale": Kind(whale, 0.24, 1.7, "water"),
    "flower": Kind(flower, 0.42, 0.62, "land"),
    "robot": Kind(robot, 0.42, 0.68, "land"),
    "mushroom": Kind(mushroom, 0.3, 0.9, "land"),
    "cactus": Kind(cactus, 0.4, 0.62, "land"),
    "person": Kind(person, 0.36, 0.46, "land"),
}


def drawn(name: str, ink: Ink, height: int, *, is_lit_from_left: bool, shade: float = 0.3) -> Image.Image:
    """The thing at so many pixels of height, on nothing."""
    kind = KINDS[name]
    pen = Pen(max(2, round(height * kind.wide)), max(2, height))
    kind.draw(pen, ink)
    return pen.finished(shade, is_lit_from_left)
