"""Pictures, and files that only look like them."""

import io
import random
import struct
import zlib

from PIL import Image


def picture(width=32, height=24, *, form="PNG", mode="RGB", seed=0, **options):
    """The bytes of a picture of noise: other seeds are other bytes."""
    pixels = random.Random(seed).randbytes(width * height * len(Image.new(mode, (1, 1)).getbands()))
    buffer = io.BytesIO()
    Image.frombytes(mode, (width, height), pixels).save(buffer, form, **options)
    return buffer.getvalue()


def animation(form):
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "green", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, form, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def photograph(width=40, height=20, orientation=6):
    """A JPEG as a phone writes it: on its side, and with the place it was taken at."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8825)[1] = "N"
    return picture(width, height, form="JPEG", exif=exif)


def two_in_one():
    """A JPEG with a second picture behind it, as many phones write them (MPO)."""
    first, second = Image.new("RGB", (20, 10), "red"), Image.new("RGB", (10, 5), "blue")
    buffer = io.BytesIO()
    first.save(buffer, "MPO", save_all=True, append_images=[second])
    return buffer.getvalue()


def bomb(width=60_000, height=60_000):
    """A small PNG that promises gigabytes of pixels."""
    rows = zlib.compress(b"\0" * 100_000, 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
