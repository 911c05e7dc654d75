"""What can be truly said of a picture by measuring it: size, colours, light, contrast, detail."""

from dataclasses import dataclass

from PIL import Image, ImageFilter, ImageStat

from generation.providers.sandbox.art.color import Color, hexadecimal, luminance, nearest_name
from generation.providers.sandbox.pixels import main_colors, opaque

_SIDE = 200
_PLACES = (
    ("upper left", "top", "upper right"),
    ("left", "middle", "right"),
    ("lower left", "bottom", "lower right"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swatch:
    """One of a picture's main colours and the share of the picture it has."""

    name: str
    color: Color
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was measured; shares and brightness run from 0 to 1."""

    width: int
    height: int
    swatches: tuple[Swatch, ...]
    brightness: float
    contrast: float
    saturation: float
    warmth: float
    detail: float
    lightest: str
    darkest: str
    transparent: float

    def text(self) -> str:
        """The facts as a few sentences."""
        return " ".join(filter(None, (self._shape(), self._colors(), self._light(), self._look(), self._clear())))

    def json(self) -> dict[str, object]:
        return {
            "width": self.width,
            "height": self.height,
            "palette": [
                {"name": one.name, "hex": hexadecimal(one.color), "share": round(one.share, 3)} for one in self.swatches
            ],
            "brightness": round(self.brightness, 3),
            "contrast": round(self.contrast, 3),
            "saturation": round(self.saturation, 3),
            "detail": round(self.detail, 3),
            "lightest": self.lightest,
            "darkest": self.darkest,
            "transparent": round(self.transparent, 3),
        }

    def _shape(self) -> str:
        ratio = self.width / self.height
        form = "square" if 0.97 < ratio < 1.03 else "landscape-format" if ratio > 1 else "portrait-format"
        tone = "dark" if self.brightness < 0.33 else "bright" if self.brightness > 0.66 else "medium-bright"
        return f"A {tone}, {form} picture of {self.width} x {self.height} pixels."

    def _colors(self) -> str:
        if self.saturation < 0.06:
            return "It is nearly without colour: shades from dark to light grey."
        named = [f"{one.name} ({max(1, round(one.share * 100))} %)" for one in self.swatches[:4]]
        listed = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
        tone = "warm" if self.warmth > 0.05 else "cool" if self.warmth < -0.05 else "balanced"
        return f"Its main colours are {listed}; the whole is {tone} in tone."

    def _light(self) -> str:
        if self.contrast < 0.05:
            return "The light is even all over."
        return f"It is lightest at the {self.lightest} and darkest at the {self.darkest}."

    def _look(self) -> str:
        contrast = "soft" if self.contrast < 0.13 else "strong" if self.contrast > 0.26 else "moderate"
        color = "muted" if self.saturation < 0.22 else "vivid" if self.saturation > 0.55 else "natural"
        detail = (
            "large calm areas" if self.detail < 0.03 else "much fine detail" if self.detail > 0.1 else "some detail"
        )
        return f"Contrast is {contrast}, the colours are {color}, and there is {detail}."

    def _clear(self) -> str:
        return f"{round(self.transparent * 100)} % of it is transparent." if self.transparent >= 0.005 else ""


def measured(image: Image.Image) -> Facts:
    """The facts of a picture."""
    small = opaque(image).copy()
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    gray = small.convert("L")
    statistics = ImageStat.Stat(gray)
    red, _, blue = ImageStat.Stat(small).mean
    lightest, darkest = _extremes(gray)
    edges = gray.filter(ImageFilter.Kernel((3, 3), (-1, -1, -1, -1, 8, -1, -1, -1, -1), scale=4))
    return Facts(
        width=image.width,
        height=image.height,
        swatches=_swatches(small),
        brightness=statistics.mean[0] / 255,
        contrast=statistics.stddev[0] / 255,
        saturation=ImageStat.Stat(small.convert("HSV")).mean[1] / 255,
        warmth=(red - blue) / 255,
        detail=ImageStat.Stat(edges).mean[0] / 255,
        lightest=lightest,
        darkest=darkest,
        transparent=1 - ImageStat.Stat(image.getchannel("A")).mean[0] / 255 if image.mode == "RGBA" else 0.0,
    )


def _swatches(image: Image.Image) -> tuple[Swatch, ...]:
    """The main colours, most of the picture first; those that one would call by the same name together."""
    shares: dict[str, float] = {}
    colors: dict[str, Color] = {}
    for count, color in sorted(main_colors(image, 12), reverse=True):
        name = nearest_name(color)
        shares[name] = shares.get(name, 0.0) + count / (image.width * image.height)
        colors.setdefault(name, color)
    ordered = sorted(shares, key=lambda name: (-shares[name], luminance(colors[name])))
    return tuple(Swatch(name=name, color=colors[name], share=shares[name]) for name in ordered if shares[name] > 0.01)


def _extremes(gray: Image.Image) -> tuple[str, str]:
    """Where of nine fields a picture is lightest and darkest."""
    fields = gray.resize((3, 3), Image.Resampling.BOX)
    values = list(fields.tobytes())
    names = [name for row in _PLACES for name in row]
    return names[values.index(max(values))], names[values.index(min(values))]
