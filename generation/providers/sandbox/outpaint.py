"""What lies beyond a picture's edges: the picture mirrored, which further out dissolves into long soft strokes."""

from PIL import Image, ImageFilter, ImageOps


def surroundings(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A canvas around the RGB picture in the middle, larger than it in one direction at most."""
    if size == image.size:
        return image.copy()
    if size[0] == image.width:
        upright = image.transpose(Image.Transpose.TRANSPOSE)
        return surroundings(upright, (size[1], size[0])).transpose(Image.Transpose.TRANSPOSE)
    left = (size[0] - image.width) // 2
    mirrored = _mirrored(image, size[0], left)
    return Image.composite(_strokes(image, size), mirrored, _distance(size, left, image.width))


def _mirrored(image: Image.Image, width: int, left: int) -> Image.Image:
    """The picture from `left` on, and its mirror images one after the other to both sides."""
    canvas = Image.new("RGB", (width, image.height))
    flipped = ImageOps.mirror(image)
    first = -(-left // image.width)
    for index in range(first + -(-(width - left) // image.width)):
        tile = image if (index - first) % 2 == 0 else flipped
        canvas.paste(tile, (left + (index - first) * image.width, 0))
    return canvas


def _strokes(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The colours of the picture's two ends drawn out: a horizon goes on, while a face does not come twice."""
    rim = max(1, image.width // 16)
    canvas = Image.new("RGB", size)
    for start, left, width in ((0, 0, size[0] // 2), (image.width - rim, size[0] // 2, size[0] - size[0] // 2)):
        end = image.crop((start, 0, start + rim, image.height)).resize((1, image.height), Image.Resampling.BOX)
        soft = end.filter(ImageFilter.BoxBlur((0, image.height / 120)))
        canvas.paste(soft.resize((width, size[1])), (left, 0))
    return canvas


def _distance(size: tuple[int, int], left: int, width: int) -> Image.Image:
    """From 0 at the picture's edges to 255 where nothing sharp is left, an eighth of its width further out."""
    mask = Image.new("L", size, 255)
    reach = max(1, width // 8)
    ramp = Image.linear_gradient("L").rotate(90).resize((reach, size[1]))
    mask.paste(ImageOps.mirror(ramp), (left - reach, 0))
    mask.paste(ramp, (left + width, 0))
    mask.paste(0, (left, 0, left + width, size[1]))
    return mask
