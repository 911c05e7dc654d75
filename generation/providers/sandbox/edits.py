"""Changing a picture by instruction: each word that is understood names one change."""

import random
from collections.abc import Callable, Mapping

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from generation.providers.sandbox.art import paint, weather, wish
from generation.providers.sandbox.art.color import BLACK, WHITE, Color, mix, named
from generation.providers.sandbox.pixels import table

type Change = Callable[[Image.Image, random.Random], Image.Image]


def edited(image: Image.Image, prompt: str, rng: random.Random) -> tuple[Image.Image, list[str]]:
    """The RGB picture with what the prompt asks for, and the names of the changes made.

    A prompt without a word that is understood gives the picture the light of the scene it stands for.
    """
    words = [word for word in wish.words_of(prompt) if word not in _MUTE]
    changes = list(dict.fromkeys(name for word in words if (name := _BY_WORD.get(word))))
    if {"black", "white"} <= set(words):
        changes.append("gray")
        words = [word for word in words if word not in ("black", "white")]
    for name in changes:
        image = CHANGES[name](image, rng)
    colors = [color for word in words if (color := named(word))]
    for color in colors[:2]:
        image = toned(image, (mix(color, BLACK, 0.75), color, mix(color, WHITE, 0.82)), 0.55)
    if changes or colors:
        return image, changes + ["color"] * bool(colors)
    return graded(image, prompt, rng, 0.6), ["light"]


def graded(image: Image.Image, prompt: str, rng: random.Random, share: float) -> Image.Image:
    """In the colours of the scene that a prompt stands for, as far as `share` goes."""
    mood = wish.read(prompt, "", rng).mood
    dark, bright = mix(mood.near, BLACK, 0.3), mix(mood.light, WHITE, 0.2)
    return toned(image, (dark, mood.sky[1], bright), share)


def toned(image: Image.Image, tones: tuple[Color, Color, Color], share: float) -> Image.Image:
    """Shadows, midtones and lights in these colours, mixed with the picture's own."""
    gray = ImageOps.autocontrast(image.convert("L"), cutoff=0.5)
    return Image.blend(image, ImageOps.colorize(gray, tones[0], tones[2], mid=tones[1]), share)


def _curved(image: Image.Image, function: Callable[[int], float]) -> Image.Image:
    return image.point(table(function) * 3)


def _balanced(image: Image.Image, red: float, blue: float) -> Image.Image:
    return image.point(table(lambda value: value * red) + table(float) + table(lambda value: value * blue))


def _night(image: Image.Image, rng: random.Random) -> Image.Image:
    return _balanced(_curved(ImageEnhance.Color(image).enhance(0.55), lambda value: value * 0.5), 0.72, 1.35)


def _glowing(image: Image.Image, rng: random.Random) -> Image.Image:
    soft = image.filter(ImageFilter.GaussianBlur(max(image.size) / 60))
    return Image.blend(image, ImageChops.screen(image, soft), 0.6)


def _sketched(image: Image.Image, rng: random.Random) -> Image.Image:
    """Pencil: the picture divided by its own blur leaves the lines."""
    gray = image.convert("L")
    soft = ImageOps.invert(gray).filter(ImageFilter.GaussianBlur(max(2.0, max(image.size) / 110)))
    lines = Image.blend(gray, ImageChops.add(gray, soft), 0.9)
    paper = ImageOps.colorize(lines.point(table(lambda value: (value - 110) * 1.75)), (40, 38, 44), (250, 246, 236))
    return paint.grained(paper, rng, 5)


def _painted(image: Image.Image, rng: random.Random) -> Image.Image:
    """Oil: dabs of one colour, with the relief of a brush."""
    work = image.resize(_within(image.size, 700))
    dabs = work.filter(ImageFilter.ModeFilter(7)).filter(ImageFilter.SMOOTH)
    relief = dabs.convert("L").filter(ImageFilter.EMBOSS).point(table(lambda value: 128 + (value - 128) * 0.5))
    lit = ImageChops.overlay(dabs, Image.merge("RGB", (relief, relief, relief)))
    return ImageEnhance.Color(lit.resize(image.size, Image.Resampling.BICUBIC)).enhance(1.25)


def _cartoon(image: Image.Image, rng: random.Random) -> Image.Image:
    """Flat colours and dark outlines."""
    work = image.resize(_within(image.size, 900)).filter(ImageFilter.MedianFilter(5))
    flat = (
        ImageEnhance.Color(work)
        .enhance(1.4)
        .quantize(14, Image.Quantize.MAXCOVERAGE, kmeans=2)
        .convert("RGB")
        .filter(ImageFilter.SMOOTH_MORE)
    )
    edges = work.convert("L").filter(ImageFilter.FIND_EDGES).point(table(lambda value: 255 - (value - 26) * 5))
    # The filter takes the picture's own rim for an edge.
    ImageDraw.Draw(edges).rectangle([0, 0, edges.width - 1, edges.height - 1], outline=255, width=2)
    return ImageChops.multiply(flat, Image.merge("RGB", (edges, edges, edges))).resize(
        image.size, Image.Resampling.BICUBIC
    )


def _pixelated(image: Image.Image, rng: random.Random) -> Image.Image:
    small = image.resize(_within(image.size, 72), Image.Resampling.BOX).quantize(24).convert("RGB")
    return small.resize(image.size, Image.Resampling.NEAREST)


def _framed(image: Image.Image, rng: random.Random) -> Image.Image:
    """A white border, within the picture's own size."""
    edge = max(2, min(image.size) // 18)
    inner = ImageOps.fit(image, (max(1, image.width - 2 * edge), max(1, image.height - 2 * edge)))
    return ImageOps.expand(inner, edge, (250, 248, 242)).resize(image.size)


def _snowy(image: Image.Image, rng: random.Random) -> Image.Image:
    cold = _balanced(ImageEnhance.Color(_curved(image, lambda value: value * 0.86 + 36)).enhance(0.6), 0.96, 1.06)
    weather.snow(cold, rng)
    return cold


def _rainy(image: Image.Image, rng: random.Random) -> Image.Image:
    wet = _balanced(ImageEnhance.Color(_curved(image, lambda value: value * 0.8)).enhance(0.6), 0.94, 1.06)
    weather.rain(wet, (214, 224, 232), rng)
    return wet


def _foggy(image: Image.Image, rng: random.Random) -> Image.Image:
    dull = Image.blend(ImageEnhance.Color(image).enhance(0.6), Image.new("RGB", image.size, (214, 218, 220)), 0.3)
    weather.fog(dull, (232, 234, 234), rng)
    return dull


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """The size, made smaller where its longer side is above `side`."""
    share = min(1.0, side / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


CHANGES: Mapping[str, Change] = {
    "gray": lambda image, rng: image.convert("L").convert("RGB"),
    "sepia": lambda image, rng: toned(image, ((42, 26, 16), (168, 124, 84), (255, 244, 220)), 0.9),
    "brighter": lambda image, rng: _curved(image, lambda value: 255 * (value / 255) ** 0.68),
    "darker": lambda image, rng: _curved(image, lambda value: 255 * (value / 255) ** 1.6),
    "night": _night,
    "warmer": lambda image, rng: _balanced(image, 1.12, 0.84),
    "cooler": lambda image, rng: _balanced(image, 0.86, 1.14),
    "vivid": lambda image, rng: ImageEnhance.Color(image).enhance(1.7),
    "muted": lambda image, rng: ImageEnhance.Color(image).enhance(0.45),
    "contrast": lambda image, rng: ImageEnhance.Contrast(image).enhance(1.5),
    "blur": lambda image, rng: image.filter(ImageFilter.GaussianBlur(max(image.size) / 90)),
    "sharp": lambda image, rng: image.filter(ImageFilter.UnsharpMask(max(image.size) / 500 + 1, 160, 2)),
    "glow": _glowing,
    "sketch": _sketched,
    "painting": _painted,
    "cartoon": _cartoon,
    "pixels": _pixelated,
    "inverted": lambda image, rng: ImageOps.invert(image),
    "mirrored": lambda image, rng: ImageOps.mirror(image),
    "upside down": lambda image, rng: ImageOps.flip(image),
    "frame": _framed,
    "vignette": lambda image, rng: paint.vignetted(image, 0.6),
    "snow": _snowy,
    "rain": _rainy,
    "fog": _foggy,
}
_WORDS = {
    "gray": "grayscale greyscale monochrome bw noir",
    "sepia": "sepia vintage old nostalgic antique",
    "brighter": "brighter bright lighten lighter brighten",
    "darker": "darker dark darken moody",
    "night": "night midnight moonlit",
    "warmer": "warm warmer sunset sunrise autumn",
    "cooler": "cool cooler cold colder icy",
    "vivid": "vivid vibrant saturated colorful colourful pop",
    "muted": "muted faded pastel desaturated washed",
    "contrast": "contrast dramatic contrasty",
    "blur": "blur blurry blurred",
    "sharp": "sharp sharper sharpen crisp detailed",
    "glow": "glow glowing dreamy soft bloom",
    "sketch": "sketch pencil drawing drawn",
    "painting": "painting oil watercolor watercolour paint impressionist painted",
    "cartoon": "cartoon comic anime poster posterize",
    "pixels": "pixel pixels pixelated pixelate",
    "inverted": "invert inverted negative",
    "mirrored": "mirror mirrored flip flipped",
    "upside down": "upside",
    "frame": "frame border polaroid framed",
    "vignette": "vignette",
    "snow": "snow snowy winter snowing",
    "rain": "rain rainy raining storm stormy",
    "fog": "fog foggy mist misty haze hazy",
}
_BY_WORD = {word: name for name, words in _WORDS.items() for word in words.split()}
# "make the old house red": what names the thing says nothing of the change.
_MUTE = frozenset(("house", "make", "turn", "into", "the", "it", "like", "more"))
