"""Finding what a picture shows: what differs from the colours along its border, most of all in the middle."""

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from generation.providers.sandbox.pixels import main_colors, opaque, table

# Shapes are found at this size and brought back to the picture's own.
_SIDE = 256
_BORDER_COLORS = 5


def subject_mask(image: Image.Image) -> Image.Image:
    """255 on the subject, 0 on the background, soft in between; a picture's own transparency is taken at its word."""
    if image.mode == "RGBA" and (alpha := image.getchannel("A")).histogram()[:128] != [0] * 128:
        return alpha
    small = opaque(image).copy()
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    small = small.filter(ImageFilter.MedianFilter(3))
    unlike = ImageChops.multiply(_unlike_border(small), _middle(small.size))
    least = _threshold(unlike)
    found = _cleaned(unlike.point(table(lambda value: 255 * (value > least))))
    share = found.histogram()[255] / (found.width * found.height)
    if not 0.01 < share < 0.95:
        found = _oval(small.size)
    soft = found.filter(ImageFilter.GaussianBlur(1.5)).resize(image.size, Image.Resampling.BICUBIC)
    return soft.point(table(lambda value: (value - 96) * 4))


def _unlike_border(image: Image.Image) -> Image.Image:
    """How far each pixel is from the nearest of the border's main colours."""
    rim = max(2, min(image.size) // 24)
    strip = Image.new("RGB", (2 * (image.width + image.height), rim))
    width, height = image.size
    sides = (
        image.crop((0, 0, width, rim)),
        image.crop((0, height - rim, width, height)),
        image.crop((0, 0, rim, height)).transpose(Image.Transpose.ROTATE_90),
        image.crop((width - rim, 0, width, height)).transpose(Image.Transpose.ROTATE_90),
    )
    left = 0
    for side in sides:
        strip.paste(side, (left, 0))
        left += side.width
    least = Image.new("L", image.size, 255)
    for count, color in main_colors(strip, _BORDER_COLORS):
        # A colour that only grazes the border may well be the subject's.
        if count > strip.width * rim * 0.04:
            red, green, blue = ImageChops.difference(image, Image.new("RGB", image.size, color)).split()
            least = ImageChops.darker(least, ImageChops.lighter(ImageChops.lighter(red, green), blue))
    return least


def _middle(size: tuple[int, int]) -> Image.Image:
    """What stands in the middle is likelier to be meant."""
    return Image.radial_gradient("L").point(table(lambda value: 255 - max(0, value - 90) * 0.9)).resize(size)


def _threshold(image: Image.Image) -> int:
    """Where the brightness of a picture falls most clearly into two (Otsu's method)."""
    histogram = image.histogram()
    total, whole = sum(histogram), sum(value * count for value, count in enumerate(histogram))
    best, threshold, below, below_sum = -1.0, 24, 0, 0
    for value, count in enumerate(histogram):
        below, below_sum = below + count, below_sum + value * count
        if 0 < below < total:
            gap = below_sum / below - (whole - below_sum) / (total - below)
            if (between := below * (total - below) * gap * gap) > best:
                best, threshold = between, value
    return max(14, threshold)


def _cleaned(mask: Image.Image) -> Image.Image:
    """Without specks and holes: closed, opened, and filled wherever the border cannot be reached."""
    closed = mask.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.MinFilter(5))
    opened = closed.filter(ImageFilter.MinFilter(3)).filter(ImageFilter.MaxFilter(3))
    framed = Image.new("L", (mask.width + 2, mask.height + 2))
    framed.paste(opened, (1, 1))
    ImageDraw.floodfill(framed, (0, 0), 128)
    return framed.crop((1, 1, mask.width + 1, mask.height + 1)).point(table(lambda value: 255 * (value != 128)))


def _oval(size: tuple[int, int]) -> Image.Image:
    """For a picture without a subject that stands out: its middle."""
    mask = Image.new("L", size)
    width, height = size
    ImageDraw.Draw(mask).ellipse([width * 0.2, height * 0.14, width * 0.8, height * 0.9], fill=255)
    return mask
