"""The sky of a scene: its colours, stars, northern lights, sun or moon, and clouds."""

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from generation.providers.sandbox.art import paint
from generation.providers.sandbox.art.color import WHITE, mix
from generation.providers.sandbox.art.stage import Scene


def paint_sky(scene: Scene) -> None:
    height = scene.size[1]
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


def _disc(scene: Scene, radius: float) -> None:
    x, y = scene.sun

    def draw(pen: ImageDraw.ImageDraw, scale: int) -> None:
        pen.ellipse([(x - radius) * scale, (y - radius) * scale, (x + radius) * scale, (y + radius) * scale], fill=255)

    scene.lay(paint.mask(scene.size, draw), mix(scene.mood.light, WHITE, 0.45))
    if scene.wish.has_moon:
        for dx, dy, size in ((-0.3, -0.2, 0.26), (0.28, 0.1, 0.2), (-0.1, 0.42, 0.16), (0.2, -0.45, 0.12)):
            spot = (x + dx * radius, y + dy * radius)
            paint.glow(
                scene.image, spot, max(1.0, radius * size * 1.6), mix(scene.mood.light, scene.mood.sky[1], 0.4), 0.7
            )


def _stars(scene: Scene) -> None:
    width, height = scene.size
    rng = scene.rng
    sky = Image.new("L", scene.size)
    pen = ImageDraw.Draw(sky)
    deep = height if scene.wish.land == "space" else scene.horizon
    for _ in range(min(420, 40 + width * height // 3000)):
        x, y = rng.uniform(0, width), rng.uniform(0, deep) * rng.uniform(0.3, 1)
        size = rng.choice((0.4, 0.5, 0.6, 0.9)) * max(0.8, scene.unit / 700)
        # Fainter towards a bright horizon; in space there is none.
        faint = 0.0 if scene.wish.land == "space" else (y / deep) ** 1.5
        pen.ellipse([x - size, y - size, x + size, y + size], fill=round(rng.randint(90, 255) * (1 - faint)))
    scene.lay(sky, mix(scene.mood.light, WHITE, 0.5))


def _aurora(scene: Scene) -> None:
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
        soft = veil.filter(ImageFilter.GaussianBlur(scene.unit / 40)).point(
            [round(value * 0.6) for value in range(256)]
        )
        scene.lay(soft, color)


def _clouds(scene: Scene) -> None:
    width = scene.size[0]
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
