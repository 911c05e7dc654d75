"""The lands of a scene, painted from the horizon to the foreground; each sets the ground that things stand on."""

from collections.abc import Callable, Mapping

from PIL import Image, ImageChops, ImageDraw

from generation.providers.sandbox.art import paint
from generation.providers.sandbox.art.color import BLACK, WHITE, Color, mix
from generation.providers.sandbox.art.paint import Point
from generation.providers.sandbox.art.stage import Scene
from generation.providers.sandbox.art.wish import Land


def _hills(scene: Scene) -> None:
    _ranges(scene, count=4, rough=0.32, bumps=2.4, tall=0.1)
    _foreground(scene)


def _mountains(scene: Scene) -> None:
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


def _snowcaps(scene: Scene, line: list[Point], snow: Color) -> None:
    """Snow above a ragged line, and only on the mountain."""
    width = scene.size[0]
    top = min(y for _, y in line)
    deep = max(y for _, y in line) - top
    rng = scene.rng
    edge = paint.ridge(rng, width, base=top + deep * 0.42, height=deep * 0.3, bumps=22, rough=0.6)
    above = ImageChops.invert(paint.below(scene.size, edge))
    caps = ImageChops.multiply(above, paint.below(scene.size, line))
    # The side away from the light lies in blue shade.
    shift = max(1, scene.unit // 50) * (1 if scene.sun[0] < width / 2 else -1)
    lit = ImageChops.subtract(caps, ImageChops.offset(caps, shift, abs(shift)).point(lambda value: value * 0.45))
    scene.lay(caps.point([round(value * 0.75) for value in range(256)]), mix(snow, scene.mood.far, 0.35))
    scene.lay(lit, snow)


def _ranges(scene: Scene, *, count: int, rough: float, bumps: float, tall: float) -> None:
    """Hills behind hills, each nearer one darker and clearer, mist between them."""
    width, height = scene.size
    mood = scene.mood
    for index in range(count):
        share = (index + 0.6) / (count + 0.4)
        base = scene.horizon + (height * 0.84 - scene.horizon) * index / count
        line = paint.ridge(scene.rng, width, base=base, height=height * tall, bumps=bumps - index * 0.3, rough=rough)
        crest = mix(mood.far, mood.near, share)
        scene.lay_land(line, crest, mix(crest, mood.sky[2], 0.34 * (1 - share) + 0.06))


def _foreground(scene: Scene) -> None:
    near = scene.mood.near
    scene.lay_land(scene.ground, mix(near, scene.mood.light, 0.06), mix(near, BLACK, 0.35))


def _sea(scene: Scene) -> None:
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


def _ripples(scene: Scene, top: int) -> None:
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


def _glitter(scene: Scene, top: int) -> None:
    """The light's path over the water towards us."""
    height = scene.size[1]
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
            pen.ellipse(
                [x - half, y - thick, x + half, y + thick], fill=round(rng.uniform(90, 220) * (1 - depth * 0.6))
            )
    scene.lay(path, scene.mood.light)


def _coast(scene: Scene) -> None:
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


def _city(scene: Scene) -> None:
    width, height = scene.size
    mood = scene.mood
    _ranges(scene, count=1, rough=0.3, bumps=2, tall=0.05)
    for row in range(3):
        share = (row + 1) / 3
        color = mix(mix(mood.far, mood.sky[2], 0.2), mood.near, share * 0.9)
        base = scene.horizon + (height - scene.horizon) * (0.28 + 0.36 * row)
        _blocks(scene, base, color, share)
    scene.ground = [(0.0, height * 0.93), (float(width), height * 0.93)]
    _foreground(scene)


def _blocks(scene: Scene, base: float, color: Color, share: float) -> None:
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
            house_pen.rectangle(
                [left + (right - left) // 4, top - pane * 3, right - (right - left) // 4, top], fill=255
            )
        elif roof < 0.4:
            house_pen.line(
                [(left + right) // 2, top - round(tall * 0.22), (left + right) // 2, top],
                fill=255,
                width=max(1, pane // 2),
            )
        elif roof < 0.5:
            house_pen.polygon([(left, top), ((left + right) / 2, top - wide * 0.5), (right - 1, top)], fill=255)
        if pane > 1:
            for y in range(top + pane * 2, min(height, round(base) + pane * 20), pane * 3):
                for column in range(left + pane * 2, right - pane * 2, pane * 3):
                    if rng.random() < lit:
                        window_pen.rectangle(
                            [column, y, column + pane - 1, y + round(pane * 1.3)], fill=rng.randint(110, 255)
                        )
        x += wide + (scene.unit * 0.01 if rng.random() < 0.3 else 0)
    deep = paint.gradient(
        scene.size, ((0, mix(color, mood.sky[1], 0.12)), (0.55, color), (1, mix(color, mood.sky[2], 0.3)))
    )
    scene.image.paste(deep, (0, 0), houses)
    glowing = mix((255, 214, 130), mood.light, 0.3) if mood.is_dark else mix(color, WHITE, 0.55)
    scene.lay(windows, glowing)


def _forest(scene: Scene) -> None:
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
        scene.image.paste(
            paint.gradient(scene.size, ((0, color), (min(0.98, base / height - 0.04), color), (1, color_low))),
            (0, 0),
            mask,
        )
    _foreground(scene)


def _pines(scene: Scene, line: list[Point], tall: float) -> Image.Image:
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
                pen.polygon(
                    [
                        (left * scale, top * scale),
                        ((left + half) * scale, low * scale),
                        ((left - half) * scale, low * scale),
                    ],
                    fill=255,
                )
            pen.rectangle(
                [
                    (left - high * 0.02) * scale,
                    (foot - high * 0.1) * scale,
                    (left + high * 0.02) * scale,
                    (foot + high * 0.1) * scale,
                ],
                fill=255,
            )

    return paint.mask(scene.size, draw)


def _desert(scene: Scene) -> None:
    width, height = scene.size
    mood, rng = scene.mood, scene.rng
    sand: Color = (226, 178, 118)
    for index in range(4):
        share = (index + 1) / 4
        base = scene.horizon + (height * 0.9 - scene.horizon) * share * 0.85
        line = paint.ridge(rng, width, base=base, height=height * 0.08, bumps=1.4 + rng.random(), rough=0.12)
        crest = mix(
            mix(sand, mood.near, 0.16 + share * (0.62 if mood.is_dark else 0.28)), mood.sky[2], 0.4 * (1 - share)
        )
        scene.lay_land(line, mix(crest, mood.light, 0.25), mix(crest, mood.near, 0.3))
    scene.ground = line


def _space(scene: Scene) -> None:
    width, height = scene.size
    mood, rng, unit = scene.mood, scene.rng, scene.unit
    for color in (mix(mood.sky[1], mood.light, 0.35), mix(mood.sky[2], (200, 80, 190), 0.5)):
        cloud = paint.noise(scene.size, (4, 4), rng).point(paint.levels(120, 235, 130))
        scene.lay(cloud, color)
    _planet(scene, (width * 0.66, height * 0.4), unit * rng.uniform(0.2, 0.27), mix(mood.far, mood.light, 0.35))
    _planet(scene, (width * 0.2, height * 0.22), unit * 0.06, mix(mood.light, mood.sky[2], 0.3))
    scene.ground = paint.ridge(rng, width, base=height * 0.87, height=height * 0.06, bumps=3, rough=0.5)
    _foreground(scene)


def _planet(scene: Scene, center: Point, radius: float, color: Color) -> None:
    side = max(4, round(radius * 2))
    bands = paint.noise((side, side), (2, 9), scene.rng)
    surface = Image.composite(
        Image.new("RGB", (side, side), mix(color, WHITE, 0.25)),
        Image.new("RGB", (side, side), mix(color, (30, 10, 60), 0.3)),
        bands,
    )
    dark = paint.disc().point(paint.levels(40, 230)).resize((side * 2, side * 2))
    offset = (side // 4, side // 4) if scene.sun[0] > scene.size[0] / 2 else (side * 3 // 4, side // 4)
    shade = dark.crop((side - offset[0] - side // 4, offset[1], 2 * side - offset[0] - side // 4, side + offset[1]))
    surface.paste(mix(scene.mood.sky[0], BLACK, 0.4), (0, 0), shade)
    paint.glow(scene.image, center, radius * 1.5, color, 0.5)

    def draw(pen: ImageDraw.ImageDraw, scale: int) -> None:
        pen.ellipse([0, 0, side * scale - 1, side * scale - 1], fill=255)

    scene.image.paste(surface, (round(center[0] - radius), round(center[1] - radius)), paint.mask((side, side), draw))


LANDS: Mapping[Land, Callable[[Scene], None]] = {
    "hills": _hills,
    "mountains": _mountains,
    "sea": _sea,
    "city": _city,
    "forest": _forest,
    "desert": _desert,
    "space": _space,
}
