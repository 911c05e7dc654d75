"""What things are drawn with: the colours around them, and a pen for the unit box (x right, y down, from 0 to 1)."""

from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw

from generation.providers.sandbox.art.color import Color, mix


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
