"""What lies beyond a picture's edges: the picture mirrored, dissolving into its own soft colours further out."""

from PIL import Image, ImageFilter, ImageOps

from generation.providers.sandbox.pixels import table


def surroundings(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A canvas around the RGB picture in the middle, larger than it in one direction only."""
    if size[0] == image.width:
        upright = image.transpose(Image.Transpose.TRANSPOSE)
        return surroundings(upright, (size[1], size[0])).transpose(Image.Transpose.TRANSPOSE)
    left = (size[0] - image.width) // 2
    mirrored = _mirrored(image, size[0], left)
    soft = mirrored.resize((max(1, size[0] // 8), max(1, size[1] // 8)), Image.Resampling.BOX)
    soft = soft.filter(ImageFilter.GaussianBlur(max(soft.size) / 28)).resize(size, Image.Resampling.BICUBIC)
    return Image.composite(soft, mirrored, _distance(size, left, image.width))


def _mirrored(image: Image.Image, width: int, left: int) -> Image.Image:
    """The picture from `left` on, and its mirror images one after the other to both sides."""
    canvas = Image.new("RGB", (width, image.height))
    flipped = ImageOps.mirror(image)
    first = -(-left // image.width)
    for index in range(first + -(-(width - left) // image.width)):
        tile = image if (index - first) % 2 == 0 else flipped
        canvas.paste(tile, (left + (index - first) * image.width, 0))
    return canvas


def _distance(size: tuple[int, int], left: int, width: int) -> Image.Image:
    """From 0 at the picture's edges to 255 where nothing sharp is left."""
    mask = Image.new("L", size)
    ramp = Image.linear_gradient("L").rotate(90).point(table(lambda value: 255 * (value / 255) ** 0.55))
    right = size[0] - left - width
    if left:
        mask.paste(ImageOps.mirror(ramp).resize((left, size[1])), (0, 0))
    if right:
        mask.paste(ramp.resize((right, size[1])), (left + width, 0))
    return mask
