"""Finding what a picture shows: what differs from the colours along its border, most of all in the middle."""

from PIL import Image, ImageChops, ImageFilter

from generation.providers.sandbox.pixels import opaque, table

_SIDE = 320


def subject_mask(image: Image.Image) -> Image.Image:
    """255 on the subject, 0 on the background, soft in between; a picture's own transparency is taken at its word."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema()[0] < 128:
        return image.getchannel("A")
    small = opaque(image)
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    small = small.filter(ImageFilter.GaussianBlur(1.2))
    unlike = _unlike_border(small)
    mask = unlike.point(table(lambda value: 255 if value > _threshold(unlike) else 0))
    return mask.resize(image.size)
