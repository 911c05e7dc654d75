"""A landscape from a prompt: sky, light, land and the things asked for, painted from far to near."""

import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from generation.providers.sandbox.art import paint, things, weather, wish
from generation.providers.sandbox.art.color import BLACK, WHITE, Color, mix
from generation.providers.sandbox.art.lands import LANDS
from generation.providers.sandbox.art.paint import Point, Size
from generation.providers.sandbox.art.pen import Ink
from generation.providers.sandbox.art.sky import paint_sky
from generation.providers.sandbox.art.stage import Scene
from generation.providers.sandbox.art.wish import Mood


def landscape(prompt: str, negative: str, seed: int, size: Size) -> Image.Image:
    """The picture a prompt and a seed stand for, at any size."""
    rng = random.Random(f"{seed}:{prompt}")  # noqa: S311
    asked = wish.read(prompt, negative, rng)
    width, height = size
    horizon = height * rng.uniform(0.6, 0.7)
    x = width * rng.choice((rng.uniform(0.18, 0.38), rng.uniform(0.62, 0.82)))
    sun = (x, horizon * (1 - asked.mood.height * rng.uniform(0.85, 1.1)))
    ground = paint.ridge(rng, width, base=height * 0.86, height=height * 0.09, bumps=1.6, rough=0.3)
    scene = Scene(Image.new("RGB", size), asked, rng, sun, horizon, ground)
    paint_sky(scene)
    LANDS[asked.land](scene)
    _things(scene)
    _weather(scene)
    image = paint.vignetted(scene.image, 0.16 if asked.mood.is_dark else 0.1)
    return paint.grained(image, rng)


def emblem(prompt: str, negative: str, seed: int, size: Size) -> Image.Image:
    """What the prompt asks for, alone and on nothing; where it names nothing that is known, chance picks something."""
    rng = random.Random(f"{seed}:{prompt}")  # noqa: S311
    asked = wish.read(prompt, negative, rng)
    mood = wish.MOODS["day"]
    names = asked.things[:3] or (wish.Thing(rng.choice(sorted(things.KINDS)), next(iter(asked.colors), None)),)
    canvas = Image.new("RGBA", size)
    cell = size[0] / len(names)
    is_lit_from_left = rng.random() < 0.5
    for index, thing in enumerate(names):
        wide = things.KINDS[thing.name].wide
        tall = max(4, round(min(size[1] * 0.82, cell * 0.84 / wide)))
        picture = things.drawn(thing.name, _ink(mood, thing.color), tall, is_lit_from_left=is_lit_from_left)
        x, foot = cell * (index + 0.5), size[1] * 0.5 + tall * 0.5
        if things.KINDS[thing.name].place == "land":
            canvas.alpha_composite(_ground_shadow(size, (x, foot), picture.width))
        canvas.alpha_composite(picture, (round(x - picture.width / 2), round(foot - tall)))
    return canvas


def _things(scene: Scene) -> None:
    asked = scene.wish.things
    for index, thing in enumerate(asked):
        _put(scene, thing, index, len(asked))


def _put(scene: Scene, thing: wish.Thing, index: int, count: int) -> None:
    width = scene.size[0]
    kind = things.KINDS[thing.name]
    tall = max(4, round(scene.unit * kind.tall * (1.0 if count < 3 else 0.85)))
    is_lit_from_left = scene.sun[0] < width / 2
    picture = things.drawn(thing.name, _ink(scene.mood, thing.color), tall, is_lit_from_left=is_lit_from_left)
    x, foot = _spot(scene, kind.place, index, count, picture.size)
    left, top = round(x - picture.width / 2), round(foot - picture.height)
    if kind.place == "land":
        _shadow(scene, (x, foot), picture.width)
    elif kind.place == "water":
        _reflection(scene, picture, left, round(foot))
    if thing.name == "lighthouse" and scene.mood.is_dark:
        _beam(scene, (x, top + picture.height * 0.19))
    scene.image.paste(picture, (left, top), picture)


def _spot(scene: Scene, place: things.Place, index: int, count: int, size: Size) -> Point:
    """Where a thing stands: (its middle, its foot), across from the sun and beside the others."""
    width, height = scene.size
    is_left = scene.sun[0] > width / 2
    share = (0.28, 0.62, 0.46, 0.8)[index] if count > 1 else 0.34
    if place == "land" and scene.wish.land == "sea":
        share = (0.17, 0.33, 0.06, 0.42)[index]
    elif place == "water":
        share = 0.56 + 0.14 * index
    x = width * (share if is_left else 1 - share)
    x = max(size[0] * 0.45, min(width - size[0] * 0.45, x))
    if place == "sky":
        return x, max(size[1] * 1.05, scene.horizon * (0.72 - 0.1 * index))
    if place == "water":
        return x, min(height * 0.97, scene.horizon + (height - scene.horizon) * (0.3 + 0.16 * index) + size[1] * 0.2)
    return x, min(height * 0.985, paint.height_at(scene.ground, x) + size[1] * 0.035 + height * 0.012)


def _ink(mood: Mood, own: Color | None) -> Ink:
    return Ink(own=own, dark=mood.near, light=mood.light, glow=(255, 220, 130), is_dark=mood.is_dark)


def _shadow(scene: Scene, foot: Point, wide: float) -> None:
    width, _ = scene.size
    away = wide * 0.16 * (1 if scene.sun[0] < width / 2 else -1)
    half, thick = wide * 0.48, max(1.0, wide * 0.07)

    def draw(pen: ImageDraw.ImageDraw, scale: int) -> None:
        x, y = foot[0] + away, foot[1] - thick * 0.4
        pen.ellipse([(x - half) * scale, (y - thick) * scale, (x + half) * scale, (y + thick) * scale], fill=110)

    soft = paint.mask(scene.size, draw).filter(ImageFilter.GaussianBlur(max(0.5, thick * 0.5)))
    scene.lay(soft, mix(scene.mood.near, BLACK, 0.5))


def _ground_shadow(size: Size, foot: Point, wide: float) -> Image.Image:
    half, thick = wide * 0.5, max(1.0, wide * 0.06)

    def draw(pen: ImageDraw.ImageDraw, scale: int) -> None:
        x, y = foot
        pen.ellipse([(x - half) * scale, (y - thick) * scale, (x + half) * scale, (y + thick) * scale], fill=90)

    shadow = Image.new("RGBA", size, (20, 20, 40, 255))
    shadow.putalpha(paint.mask(size, draw).filter(ImageFilter.GaussianBlur(thick * 0.5)))
    return shadow


def _reflection(scene: Scene, picture: Image.Image, left: int, foot: int) -> None:
    mirrored = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    mirrored = mirrored.resize((picture.width, max(1, picture.height * 2 // 3)))
    fade = Image.linear_gradient("L").point([round((255 - value) * 0.4) for value in range(256)]).resize(mirrored.size)
    alpha = ImageChops.multiply(mirrored.getchannel("A"), fade)
    soft = alpha.filter(ImageFilter.GaussianBlur(max(0.4, picture.width / 90)))
    scene.image.paste(mirrored.convert("RGB"), (left, foot - max(1, picture.height // 60)), soft)


def _beam(scene: Scene, lamp: Point) -> None:
    """A lighthouse's beam through the night, away from it over the water."""
    width, height = scene.size
    side = 1 if lamp[0] < width / 2 else -1
    reach = width * 0.9

    def draw(pen: ImageDraw.ImageDraw, scale: int) -> None:
        end = lamp[0] + side * reach
        points = [lamp, (end, lamp[1] - height * 0.14), (end, lamp[1] + height * 0.03)]
        pen.polygon([(x * scale, y * scale) for x, y in points], fill=120)

    fade = Image.linear_gradient("L").rotate(90 if side < 0 else 270).resize(scene.size)
    beam = ImageChops.multiply(paint.mask(scene.size, draw).filter(ImageFilter.GaussianBlur(scene.unit / 110)), fade)
    scene.lay(beam, (255, 238, 190))
    paint.glow(scene.image, lamp, scene.unit * 0.16, (255, 232, 170), 0.85)


def _weather(scene: Scene) -> None:
    match scene.wish.weather:
        case "fog":
            weather.fog(scene.image, mix(scene.mood.sky[2], WHITE, 0.3), scene.rng)
        case "snow":
            weather.snow(scene.image, scene.rng)
        case "rain":
            weather.rain(scene.image, mix(scene.mood.sky[2], WHITE, 0.6), scene.rng)
