"""A landscape from a prompt: sky, light, land and the things asked for, painted from far to near."""

import random
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from generation.providers.sandbox import paint, things, wish
from generation.providers.sandbox.color import Color, luminance, mix
from generation.providers.sandbox.paint import Point, Size
from generation.providers.sandbox.wish import Mood, Wish

WHITE: Color = (255, 255, 255)


@dataclass(slots=True)
class _Scene:
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


def landscape(prompt: str, negative: str, seed: int, size: Size) -> Image.Image:
    """The picture a prompt and a seed stand for, at any size."""
    rng = random.Random(f"{seed}:{prompt}")  # noqa: S311
    asked = wish.read(prompt, negative, rng)
    width, height = size
    horizon = height * rng.uniform(0.6, 0.7)
    x = width * rng.choice((rng.uniform(0.18, 0.38), rng.uniform(0.62, 0.82)))
    sun = (x, horizon * (1 - asked.mood.height * rng.uniform(0.85, 1.1)))
    ground = paint.ridge(rng, width, base=height * 0.86, height=height * 0.09, bumps=1.6, rough=0.3)
    scene = _Scene(Image.new("RGB", size), asked, rng, sun, horizon, ground)
    _sky(scene)
    _LANDS[asked.land](scene)
    _things(scene)
    _weather(scene)
    image = paint.vignetted(scene.image, 0.16 if asked.mood.is_dark else 0.1)
    return paint.grained(image, rng)


def _sky(scene: _Scene) -> None:
    width, height = scene.size
    mood, unit = scene.mood, scene.unit
    top, middle, low = mood.sky
    end = 1.0 if scene.wish.land == "space" else scene.horizon / height
    scene.image.paste(paint.gradient(scene.size, ((0, top), (end * 0.55, middle), (end, low), (1.01, low))))
    if mood.is_dark or scene.wish.land == "space":
        _stars(scene)
    if scene.wish.mood_name == "aurora":
        _aurora(scene)
    if scene.wish.land == "space":
        return
    paint.glow(scene.image, scene.sun, unit * 0.95, mood.light, 0.5)
    paint.glow(scene.image, scene.sun, unit * 0.3, mood.light, 0.65)
    if scene.wish.weather == "clear":
        _disc(scene, unit * (0.055 if scene.wish.has_moon or mood.height > 0.5 else 0.085))
    _clouds(scene)


def _disc(scene: _Scene, radius: float) -> None:
    x, y = scene.sun

    def draw(pen: ImageDraw.ImageDraw, scale: int) -> None:
        pen.ellipse([(x - radius) * scale, (y - radius) * scale, (x + radius) * scale, (y + radius) * scale], fill=255)

    scene.lay(paint.mask(scene.size, draw), mix(scene.mood.light, WHITE, 0.45))
    if scene.wish.has_moon:
        for dx, dy, size in ((-0.3, -0.2, 0.26), (0.28, 0.1, 0.2), (-0.1, 0.42, 0.16), (0.2, -0.45, 0.12)):
            spot = (x + dx * radius, y + dy * radius)
            paint.glow(scene.image, spot, max(1.0, radius * size * 1.6), mix(scene.mood.light, scene.mood.sky[1], 0.4), 0.7)


def _stars(scene: _Scene) -> None:
    width, height = scene.size
    rng = scene.rng
    sky = Image.new("L", scene.size)
    pen = ImageDraw.Draw(sky)
    deep = height if scene.wish.land == "space" else scene.horizon
    for _ in range(min(420, 40 + width * height // 3000)):
        x, y = rng.uniform(0, width), rng.uniform(0, deep) * rng.uniform(0.3, 1)
        size = rng.choice((0.4, 0.5, 0.6, 0.9)) * max(0.8, scene.unit / 700)
        pen.ellipse([x - size, y - size, x + size, y + size], fill=rng.randint(90, 255))
    scene.lay(sky, mix(scene.mood.light, WHITE, 0.5))


def _aurora(scene: _Scene) -> None:
    width, height = scene.size
    for color, place in (((90, 240, 170), 0.5), ((90, 170, 240), 0.36), ((190, 110, 230), 0.26)):
        line = paint.ridge(scene.rng, width, base=scene.horizon * place, height=height * 0.2, bumps=2.2, rough=0.4)
        veil = Image.new("L", scene.size)
        pen = ImageDraw.Draw(veil)
        for index, (x, y) in enumerate(line[:-1]):
            tall = height * scene.rng.uniform(0.16, 0.24)
            next_x = line[index + 1][0] + 1
            for part in range(6):
                share = part / 6
                pen.rectangle([x, y - tall * (1 - share), next_x, y], fill=round(20 + 26 * part))
        soft = veil.filter(ImageFilter.GaussianBlur(scene.unit / 40)).point([round(value * 0.6) for value in range(256)])
        scene.lay(soft, color)


def _clouds(scene: _Scene) -> None:
    width, height = scene.size
    mood, rng = scene.mood, scene.rng
    deep = max(2, round(scene.horizon))
    patches = paint.noise((width, deep), (5, 12), rng)
    cover = 118 if scene.wish.weather == "clear" else 84
    # Thin at the zenith, thicker towards the horizon.
    fade = Image.linear_gradient("L").point(paint.levels(10, 235)).resize((width, deep))
    veil = ImageChops.multiply(patches.point(paint.levels(cover, cover + 92, 165)), fade)
    bright = mix(mood.sky[2], WHITE, 0.12 if mood.is_dark else 0.55)
    scene.image.paste(bright, (0, 0), veil)
    lit = patches.point(paint.levels(cover + 50, cover + 110, 90))
    scene.image.paste(mood.light, (0, 0), ImageChops.multiply(lit, fade))


def _hills(scene: _Scene) -> None:
    _ranges(scene, count=4, rough=0.32, bumps=2.4, tall=0.1)
    _foreground(scene)


def _mountains(scene: _Scene) -> None:
    width, height = scene.size
    mood, rng = scene.mood, scene.rng
    for index in range(2):
        base = scene.horizon - height * (0.16 - 0.09 * index)
        line = paint.ridge(rng, width, base=base, height=height * (0.3 - 0.06 * index), bumps=2.6 + index, rough=0.52)
        rock = mix(mood.far, mood.near, 0.22 + 0.22 * index)
        scene.lay_land(line, mix(rock, mood.near, 0.25), mix(rock, mood.sky[2], 0.55))
        _snowcaps(scene, line, mix(WHITE, mood.sky[1], 0.2 + 0.3 * mood.is_dark))
    _ranges(scene, count=2, rough=0.36, bumps=3, tall=0.06)
    _foreground(scene)


def _snowcaps(scene: _Scene, line: list[Point], snow: Color) -> None:
    """Snow above a ragged line, and only on the mountain."""
    width, height = scene.size
    top = min(y for _, y in line)
    deep = max(y for _, y in line) - top
    rng = scene.rng
    edge = paint.ridge(rng, width, base=top + deep * 0.42, height=deep * 0.3, bumps=22, rough=0.6)
    above = ImageChops.invert(paint.below(scene.size, edge))
    caps = ImageChops.multiply(above, paint.below(scene.size, line))
    # The side away from the light lies in blue shade.
    shift = max(1, scene.unit // 50) * (1 if scene.sun[0] < width / 2 else -1)
    lit = ImageChops.subtract(caps, ImageChops.offset(caps, shift, shift and abs(shift)).point(lambda value: value * 0.45))
    scene.lay(caps.point([round(value * 0.75) for value in range(256)]), mix(snow, scene.mood.far, 0.35))
    scene.lay(lit, snow)


def _ranges(scene: _Scene, *, count: int, rough: float, bumps: float, tall: float) -> None:
    """Hills behind hills, each nearer one darker and clearer, mist between them."""
    width, height = scene.size
    mood = scene.mood
    for index in range(count):
        share = (index + 0.6) / (count + 0.4)
        base = scene.horizon + (height * 0.84 - scene.horizon) * index / count
        line = paint.ridge(scene.rng, width, base=base, height=height * tall, bumps=bumps - index * 0.3, rough=rough)
        crest = mix(mood.far, mood.near, share)
        scene.lay_land(line, crest, mix(crest, mood.sky[2], 0.34 * (1 - share) + 0.06))


def _foreground(scene: _Scene) -> None:
    near = scene.mood.near
    scene.lay_land(scene.ground, mix(near, scene.mood.light, 0.06), mix(near, (0, 0, 0), 0.35))


def _sea(scene: _Scene) -> None:
    width, height = scene.size
    mood, rng = scene.mood, scene.rng
    line = paint.ridge(rng, width, base=scene.horizon - height * 0.025, height=height * 0.05, bumps=2.6, rough=0.4)
    scene.lay_land(line, mix(mood.far, mood.sky[2], 0.25), mix(mood.far, mood.sky[2], 0.5))
    top = round(scene.horizon)
    near = mix(mood.water, mood.near, 0.45)
    shine = mix(mood.sky[2], mood.water, 0.35)
    water = paint.gradient((width, max(1, height - top)), ((0, shine), (0.35, mood.water), (1, near)))
    scene.image.paste(water, (0, top))
    _ripples(scene, top)
    _glitter(scene, top)
    _coast(scene)


def _ripples(scene: _Scene, top: int) -> None:
    width, height = scene.size
    rng = scene.rng
    waves = Image.new("L", scene.size)
    pen = ImageDraw.Draw(waves)
    for _ in range(min(260, 40 + height // 4)):
        depth = rng.random() ** 1.6
        y = top + depth * (height - top)
        half = width * (0.02 + 0.1 * depth) * rng.uniform(0.5, 1.5)
        x = rng.uniform(0, width)
        thick = max(0.5, scene.unit * 0.004 * (0.3 + depth))
        pen.ellipse([x - half, y - thick, x + half, y + thick], fill=rng.randint(20, 70))
    scene.lay(waves, mix(scene.mood.sky[2], WHITE, 0.3))


def _glitter(scene: _Scene, top: int) -> None:
    """The light's path over the water towards us."""
    width, height = scene.size
    rng = scene.rng
    path = Image.new("L", scene.size)
    pen = ImageDraw.Draw(path)
    rows = min(90, max(12, (height - top) // 4))
    for row in range(rows):
        depth = row / rows
        y = top + depth * (height - top) + 1
        spread = scene.unit * (0.03 + 0.13 * depth)
        for _ in range(3):
            x = scene.sun[0] + rng.gauss(0, 0.5) * spread
            half = spread * rng.uniform(0.1, 0.5)
            thick = max(0.5, scene.unit * 0.0028 * (0.4 + depth))
            pen.ellipse([x - half, y - thick, x + half, y + thick], fill=round(rng.uniform(90, 220) * (1 - depth * 0.6)))
    scene.lay(path, scene.mood.light)


def _coast(scene: _Scene) -> None:
    """A headland on the side away from the sun, for things to stand on; it slopes into the water."""
    width, height = scene.size
    is_left = scene.sun[0] > width / 2
    line = paint.ridge(scene.rng, width, base=0, height=height * 0.035, bumps=6, rough=0.5)
    coast = []
    for x, y in line:
        share = x / width if is_left else 1 - x / width
        # From two thirds up the water down to under the picture's edge.
        fall = max(0.0, min(1.0, (share - 0.14) / 0.5))
        fall = fall * fall * (3 - 2 * fall)
        coast.append((x, height * 0.8 + y + fall * height * 0.27))
    scene.ground = coast
    _foreground(scene)


def _city(scene: _Scene) -> None:
    width, height = scene.size
    mood, rng = scene.mood, scene.rng
    _ranges(scene, count=1, rough=0.3, bumps=2, tall=0.05)
    for row in range(3):
        share = (row + 1) / 3
        color = mix(mix(mood.far, mood.sky[2], 0.2), mood.near, share * 0.9)
        base = scene.horizon + (height - scene.horizon) * (0.28 + 0.36 * row)
        _blocks(scene, base, color, share)
    scene.ground = [(0.0, height * 0.93), (float(width), height * 0.93)]
    _foreground(scene)


def _blocks(scene: _Scene, base: float, color: Color, share: float) -> None:
    width, height = scene.size
    rng, mood = scene.rng, scene.mood
    houses = Image.new("L", scene.size)
    windows = Image.new("L", scene.size)
    house_pen, window_pen = ImageDraw.Draw(houses), ImageDraw.Draw(windows)
    lit = 0.45 if mood.is_dark else 0.16
    pane = max(1, round(scene.unit * 0.008 * (0.6 + share)))
    x = -rng.uniform(0, 0.05) * scene.unit
    while x < width:
        wide = scene.unit * rng.uniform(0.05, 0.12) * (0.7 + 0.6 * share)
        tall = height * rng.uniform(0.1, 0.36) * (1.15 - 0.4 * share)
        left, top = round(x), round(base - tall)
        right = round(x + wide)
        house_pen.rectangle([left, top, right - 1, height], fill=255)
        roof = rng.random()
        if roof < 0.25:
            house_pen.rectangle([left + (right - left) // 4, top - pane * 3, right - (right - left) // 4, top], fill=255)
        elif roof < 0.4:
            house_pen.line([(left + right) // 2, top - round(tall * 0.22), (left + right) // 2, top], fill=255, width=max(1, pane // 2))
        elif roof < 0.5:
            house_pen.polygon([(left, top), ((left + right) / 2, top - wide * 0.5), (right - 1, top)], fill=255)
        if pane > 1:
            for y in range(top + pane * 2, min(height, round(base) + pane * 20), pane * 3):
                for column in range(left + pane * 2, right - pane * 2, pane * 3):
                    if rng.random() < lit:
                        window_pen.rectangle([column, y, column + pane - 1, y + round(pane * 1.3)], fill=rng.randint(110, 255))
        x += wide + (scene.unit * 0.01 if rng.random() < 0.3 else 0)
    deep = paint.gradient(scene.size, ((0, mix(color, mood.sky[1], 0.12)), (0.55, color), (1, mix(color, mood.sky[2], 0.3))))
    scene.image.paste(deep, (0, 0), houses)
    glowing = mix((255, 214, 130), mood.light, 0.3) if mood.is_dark else mix(color, WHITE, 0.55)
    scene.lay(windows, glowing)


def _forest(scene: _Scene) -> None:
    width, height = scene.size
    mood, rng = scene.mood, scene.rng
    _ranges(scene, count=1, rough=0.4, bumps=2.6, tall=0.12)
    for row in range(4):
        share = (row + 1) / 4
        base = scene.horizon + (height * 0.92 - scene.horizon) * share * 0.9
        line = paint.ridge(rng, width, base=base, height=height * 0.05, bumps=2, rough=0.3)
        color = mix(mix(mood.far, mood.sky[2], 0.15), mood.near, share)
        _pines(scene, line, scene.unit * (0.11 + 0.12 * share))
        color_low = mix(color, mood.sky[2], 0.4 * (1 - share) + 0.05)
        mask = _pines(scene, line, scene.unit * (0.1 + 0.13 * share))
        scene.image.paste(paint.gradient(scene.size, ((0, color), (min(0.98, base / height - 0.04), color), (1, color_low))), (0, 0), mask)
    _foreground(scene)


def _pines(scene: _Scene, line: list[Point], tall: float) -> Image.Image:
    """A row of firs along a line, and all that is below them."""
    width, height = scene.size
    rng = scene.rng
    trees: list[tuple[float, float, float]] = []
    x = -tall * 0.2
    while x < width + tall * 0.2:
        trees.append((x, paint.height_at(line, x), tall * rng.uniform(0.6, 1.15)))
        x += tall * rng.uniform(0.16, 0.42)

    def draw(pen: ImageDraw.ImageDraw, scale: int) -> None:
        points = [(px * scale, py * scale) for px, py in line]
        pen.polygon([(-scale, height * scale), *points, (width * scale + scale, height * scale)], fill=255)
        for left, foot, high in trees:
            for step in range(4):
                top = foot - high * (1 - step * 0.2)
                half = high * (0.07 + 0.045 * step)
                low = top + high * 0.34
                pen.polygon([(left * scale, top * scale), ((left + half) * scale, low * scale), ((left - half) * scale, low * scale)], fill=255)
            pen.rectangle([(left - high * 0.02) * scale, (foot - high * 0.1) * scale, (left + high * 0.02) * scale, (foot + high * 0.1) * scale], fill=255)

    return paint.mask(scene.size, draw)


def _desert(scene: _Scene) -> None:
    width, height = scene.size
    mood, rng = scene.mood, scene.rng
    sand: Color = (226, 178, 118)
    for index in range(4):
        share = (index + 1) / 4
        base = scene.horizon + (height * 0.9 - scene.horizon) * share * 0.85
        line = paint.ridge(rng, width, base=base, height=height * 0.08, bumps=1.4 + rng.random(), rough=0.12)
        crest = mix(mix(sand, mood.near, 0.16 + share * (0.62 if mood.is_dark else 0.28)), mood.sky[2], 0.4 * (1 - share))
        scene.lay_land(line, mix(crest, mood.light, 0.25), mix(crest, mood.near, 0.3))
    scene.ground = line


def _space(scene: _Scene) -> None:
    width, height = scene.size
    mood, rng, unit = scene.mood, scene.rng, scene.unit
    for color in (mix(mood.sky[1], mood.light, 0.35), mix(mood.sky[2], (200, 80, 190), 0.5)):
        cloud = paint.noise(scene.size, (4, 4), rng).point(paint.levels(120, 235, 130))
        scene.lay(cloud, color)
    _planet(scene, (width * 0.66, height * 0.4), unit * rng.uniform(0.2, 0.27), mix(mood.far, mood.light, 0.35))
    _planet(scene, (width * 0.2, height * 0.22), unit * 0.06, mix(mood.light, mood.sky[2], 0.3))
    scene.ground = paint.ridge(rng, width, base=height * 0.87, height=height * 0.06, bumps=3, rough=0.5)
    _foreground(scene)


def _planet(scene: _Scene, center: Point, radius: float, color: Color) -> None:
    side = max(4, round(radius * 2))
    bands = paint.noise((side, side), (2, 9), scene.rng)
    surface = Image.composite(
        Image.new("RGB", (side, side), mix(color, WHITE, 0.25)), Image.new("RGB", (side, side), mix(color, (30, 10, 60), 0.3)), bands
    )
    dark = Image.radial_gradient("L").point(paint.levels(40, 230)).resize((side * 2, side * 2))
    offset = (side // 4, side // 4) if scene.sun[0] > scene.size[0] / 2 else (side * 3 // 4, side // 4)
    shade = dark.crop((side - offset[0] - side // 4, offset[1], 2 * side - offset[0] - side // 4, side + offset[1]))
    surface.paste(mix(scene.mood.sky[0], (0, 0, 0), 0.4), (0, 0), shade)
    paint.glow(scene.image, center, radius * 1.5, color, 0.5)

    def draw(pen: ImageDraw.ImageDraw, scale: int) -> None:
        pen.ellipse([0, 0, side * scale - 1, side * scale - 1], fill=255)

    scene.image.paste(surface, (round(center[0] - radius), round(center[1] - radius)), paint.mask((side, side), draw))


_LANDS = {
    "hills": _hills,
    "mountains": _mountains,
    "sea": _sea,
    "city": _city,
    "forest": _forest,
    "desert": _desert,
    "space": _space,
}


def _things(scene: _Scene) -> None:
    asked = scene.wish.things
    for index, thing in enumerate(asked):
        _put(scene, thing, index, len(asked))


def _put(scene: _Scene, thing: wish.Thing, index: int, count: int) -> None:
    width, height = scene.size
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


def _spot(scene: _Scene, place: things.Place, index: int, count: int, size: Size) -> Point:
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


def _ink(mood: Mood, own: Color | None) -> things.Ink:
    return things.Ink(own=own, dark=mood.near, light=mood.light, glow=(255, 220, 130), is_dark=mood.is_dark)


def _shadow(scene: _Scene, foot: Point, wide: float) -> None:
    width, _ = scene.size
    away = wide * 0.16 * (1 if scene.sun[0] < width / 2 else -1)
    half, thick = wide * 0.48, max(1.0, wide * 0.07)

    def draw(pen: ImageDraw.ImageDraw, scale: int) -> None:
        x, y = foot[0] + away, foot[1] - thick * 0.4
        pen.ellipse([(x - half) * scale, (y - thick) * scale, (x + half) * scale, (y + thick) * scale], fill=110)

    soft = paint.mask(scene.size, draw).filter(ImageFilter.GaussianBlur(max(0.5, thick * 0.5)))
    scene.lay(soft, mix(scene.mood.near, (0, 0, 0), 0.5))


def _reflection(scene: _Scene, picture: Image.Image, left: int, foot: int) -> None:
    mirrored = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    mirrored = mirrored.resize((picture.width, max(1, picture.height * 2 // 3)))
    fade = Image.linear_gradient("L").point([round((255 - value) * 0.4) for value in range(256)]).resize(mirrored.size)
    alpha = ImageChops.multiply(mirrored.getchannel("A"), fade)
    soft = alpha.filter(ImageFilter.GaussianBlur(max(0.4, picture.width / 90)))
    scene.image.paste(mirrored.convert("RGB"), (left, foot - max(1, picture.height // 60)), soft)


def _beam(scene: _Scene, lamp: Point) -> None:
    """A lighthouse's beam through the night, away from it over the water."""
    width, height = scene.size
    side = 1 if lamp[0] < width / 2 else -1
    reach = width * 0.9

    def draw(pen: ImageDraw.ImageDraw, scale: int) -> None:
        end = lamp[0] + side * reach
        points = [lamp, (end, lamp[1] - height * 0.14), (end, lamp[1] + height * 0.03)]
        pen.polygon([(x * scale, y * scale) for x, y in points], fill=120)

    fade = Image.linear_gradient("L").rotate(270 if side < 0 else 90).resize(scene.size)
    beam = ImageChops.multiply(paint.mask(scene.size, draw).filter(ImageFilter.GaussianBlur(scene.unit / 110)), fade)
    scene.lay(beam, (255, 238, 190))
    paint.glow(scene.image, lamp, scene.unit * 0.16, (255, 232, 170), 0.85)


def _weather(scene: _Scene) -> None:
    weather = scene.wish.weather
    if weather == "fog":
        _fog(scene)
    elif weather == "snow":
        _flakes(scene)
    elif weather == "rain":
        _rain(scene)


def _fog(scene: _Scene) -> None:
    width, height = scene.size
    patches = paint.noise(scene.size, (3, 9), scene.rng).point(paint.levels(50, 210, 190))
    band = Image.radial_gradient("L").point([round(255 * max(0.0, 1 - value / 185)) for value in range(256)])
    band = band.resize((width * 3, height)).crop((width, 0, width * 2, height))
    scene.lay(ImageChops.offset(ImageChops.multiply(patches, band), 0, height // 6), mix(scene.mood.sky[2], WHITE, 0.3))


def _flakes(scene: _Scene) -> None:
    width, height = scene.size
    rng = scene.rng
    for size, count, strength in ((0.0016, 260, 150), (0.003, 120, 190), (0.006, 40, 130)):
        layer = Image.new("L", scene.size)
        pen = ImageDraw.Draw(layer)
        radius = max(0.6, size * scene.unit)
        for _ in range(count if scene.unit > 200 else count // 4):
            x, y = rng.uniform(0, width), rng.uniform(0, height)
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=strength)
        scene.lay(layer.filter(ImageFilter.GaussianBlur(radius / 3)), WHITE)


def _rain(scene: _Scene) -> None:
    width, height = scene.size
    rng = scene.rng
    layer = Image.new("L", scene.size)
    pen = ImageDraw.Draw(layer)
    for _ in range(360 if scene.unit > 200 else 60):
        x, y = rng.uniform(-0.1, 1) * width, rng.uniform(-0.1, 1) * height
        long = scene.unit * rng.uniform(0.025, 0.06)
        pen.line([x, y, x + long * 0.22, y + long], fill=rng.randint(40, 110), width=max(1, scene.unit // 600))
    scene.lay(layer, mix(scene.mood.sky[2], WHITE, 0.6))
