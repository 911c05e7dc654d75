"""Finding what a picture shows: what differs from the background, as the background looks at the picture's edges."""

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageStat

from generation.providers.sandbox.pixels import opaque, table

# Shapes are found at this size and brought back to the picture's own.
_SIDE = 192
# A part that weighs less than this beside the heaviest belongs to the background.
_LEAST_SHARE = 0.4


def subject_mask(image: Image.Image) -> Image.Image:
    """255 on the subject, 0 on the background, soft in between; a picture's own transparency is taken at its word."""
    if image.mode == "RGBA" and any((alpha := image.getchannel("A")).histogram()[:128]):
        return alpha
    small = opaque(image).copy()
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    small = small.filter(ImageFilter.MedianFilter(3))
    unlike = ImageChops.multiply(_unlike_background(small), _middle(small.size))
    least = _threshold(unlike)
    edges = small.convert("L").filter(ImageFilter.FIND_EDGES)
    found = _main_parts(_cleaned(unlike.point(table(lambda value: 255 * (value > least)))), unlike, edges)
    if not 0.01 < found.histogram()[255] / (found.width * found.height) < 0.9:
        found = _oval(small.size)
    soft = found.filter(ImageFilter.GaussianBlur(1.2)).resize(image.size, Image.Resampling.BICUBIC)
    return soft.point(table(lambda value: (value - 96) * 4))


def _unlike_background(image: Image.Image) -> Image.Image:
    """How far each pixel is from what its row's two ends let expect: skies, walls and horizons go across."""
    width, height = image.size
    rim = max(2, width // 20)
    ends = Image.new("RGB", (2, height))
    for x, left in enumerate((0, width - rim)):
        ends.paste(image.crop((left, 0, left + rim, height)).resize((1, height), Image.Resampling.BOX), (x, 0))
    expected = ends.filter(ImageFilter.BoxBlur((0, 2))).resize(image.size, Image.Resampling.BILINEAR)
    red, green, blue = ImageChops.difference(image, expected).split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def _middle(size: tuple[int, int]) -> Image.Image:
    """What stands in the middle is likelier to be meant."""
    return Image.radial_gradient("L").point(table(lambda value: 255 - max(0, value - 110))).resize(size)


def _threshold(image: Image.Image) -> int:
    """Where the brightness of a picture falls most clearly into two (Otsu's method)."""
    histogram = image.histogram()
    total, whole = sum(histogram), sum(value * count for value, count in enumerate(histogram))
    best, threshold, below, below_sum = -1.0, 0, 0, 0
    for value, count in enumerate(histogram):
        below, below_sum = below + count, below_sum + value * count
        if 0 < below < total:
            gap = below_sum / below - (whole - below_sum) / (total - below)
            if (between := below * (total - below) * gap * gap) > best:
                best, threshold = between, value
    # Two thirds: what is cut off is missed more than a rim of background is minded.
    return max(12, round(threshold * 0.67))


def _cleaned(mask: Image.Image) -> Image.Image:
    """Closed, opened, and filled wherever the picture's edge cannot be reached from."""
    closed = mask.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.MinFilter(5))
    opened = closed.filter(ImageFilter.MinFilter(5)).filter(ImageFilter.MaxFilter(5))
    framed = Image.new("L", (mask.width + 2, mask.height + 2))
    framed.paste(opened, (1, 1))
    ImageDraw.floodfill(framed, (0, 0), 128)
    return framed.crop((1, 1, mask.width + 1, mask.height + 1)).point(table(lambda value: 255 * (value != 128)))


def _main_parts(mask: Image.Image, unlike: Image.Image, edges: Image.Image) -> Image.Image:
    """The connected part that stands out most, and those that nearly do.

    What counts is how large and how unlike the background a part is, and that its outline is a real edge: the light
    around a sun has none.
    """
    rest = mask.copy()
    parts: list[tuple[float, Image.Image]] = []
    while (start := rest.tobytes().find(255)) >= 0:
        ImageDraw.floodfill(rest, (start % mask.width, start // mask.width), 128)
        part = rest.point(table(lambda value: 255 * (value == 128)))
        outline = ImageChops.subtract(part.filter(ImageFilter.MaxFilter(3)), part.filter(ImageFilter.MinFilter(3)))
        parts.append((ImageStat.Stat(unlike, part).sum2[0] * ImageStat.Stat(edges, outline).mean[0], part))
        rest = rest.point(table(lambda value: 255 * (value == 255)))
    kept = Image.new("L", mask.size)
    for weight, part in parts:
        if weight >= _LEAST_SHARE * max(weight for weight, _ in parts):
            kept = ImageChops.lighter(kept, part)
    return kept


def _oval(size: tuple[int, int]) -> Image.Image:
    """For a picture without a subject that stands out: its middle."""
    mask = Image.new("L", size)
    width, height = size
    ImageDraw.Draw(mask).ellipse([width * 0.2, height * 0.14, width * 0.8, height * 0.9], fill=255)
    return mask
