"""Snow, rain and fog over a picture."""

import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from generation.providers.sandbox.art import paint
from generation.providers.sandbox.art.color import Color


def fog(image: Image.Image, color: Color, rng: random.Random) -> None:
    width, height = image.size
    patches = paint.noise(image.size, (3, 9), rng).point(paint.levels(50, 210, 190))
    band = paint.disc().point([round(255 * max(0.0, 1 - value / 185)) for value in range(256)])
    band = band.resize((width, height), box=(86, 0, 170, 256))
    image.paste(color, (0, 0), ImageChops.offset(ImageChops.multiply(patches, band), 0, height // 6))


def snow(image: Image.Image, rng: random.Random) -> None:
    """Flakes in three distances."""
    width, height = image.size
    unit = min(image.size)
    for size, count, strength in ((0.0016, 260, 150), (0.003, 120, 190), (0.006, 40, 130)):
        layer = Image.new("L", image.size)
        pen = ImageDraw.Draw(layer)
        radius = max(0.6, size * unit)
        for _ in range(count if unit > 200 else count // 4):
            x, y = rng.uniform(0, width), rng.uniform(0, height)
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=strength)
        image.paste((255, 255, 255), (0, 0), layer.filter(ImageFilter.GaussianBlur(radius / 3)))


def rain(image: Image.Image, color: Color, rng: random.Random) -> None:
    width, height = image.size
    unit = min(image.size)
    layer = Image.new("L", image.size)
    pen = ImageDraw.Draw(layer)
    for _ in range(360 if unit > 200 else 60):
        x, y = rng.uniform(-0.1, 1) * width, rng.uniform(-0.1, 1) * height
        long = unit * rng.uniform(0.025, 0.06)
        pen.line([x, y, x + long * 0.22, y + long], fill=rng.randint(40, 110), width=max(1, unit // 600))
    image.paste(color, (0, 0), layer)
