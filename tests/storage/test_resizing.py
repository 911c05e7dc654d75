"""Pictures drawn anew: their size, how they are held, their colours, and that nothing else is left of the file."""

import io

import pytest
from PIL import Image, ImageCms
from PIL.JpegImagePlugin import get_sampling
from PIL.PngImagePlugin import PngInfo
from thumbhash import thumb_hash_to_average_rgba

from core import children
from core.children import ChildFailed
from storage import resizing
from storage.resizing import Size, Undrawable
from tests.storage import pictures
from tests.storage.pictures import picture

SECRET = "a prompt that nobody else should read"
FORMATS = ["webp", "avif", "jpeg"]


@pytest.fixture
def render(file, tmp_path):
    """Draw bytes in one size, as a Pillow image with its raw bytes beside it."""

    def draw(content, width=640, format="webp"):
        [rendered] = resizing.render(file(content), [Size(width=width, format=format)], tmp_path)
        shown = Image.open(rendered.path)
        assert (rendered.content_type, rendered.width, rendered.height) == (f"image/{format}", *shown.size)
        return loaded(shown), rendered.path.read_bytes()

    return draw


@pytest.fixture
def copy(file, tmp_path):
    """Draw bytes as they are, as a Pillow image with its raw bytes beside it."""

    def draw(content):
        copied = resizing.copy(file(content), tmp_path)
        shown = Image.open(copied.path)
        assert (copied.content_type, copied.width, copied.height) == (Image.MIME[shown.format], *shown.size)
        return loaded(shown), copied.path.read_bytes()

    return draw


@pytest.mark.parametrize("format", FORMATS)
def test_a_picture_is_drawn_as_wide_as_asked(render, format):
    shown, _ = render(picture(1000, 500), 320, format)

    assert (shown.format, shown.size) == (format.upper(), (320, 160))


@pytest.mark.parametrize("format", FORMATS)
def test_a_picture_is_never_enlarged(render, format):
    assert render(picture(100, 40), 320, format)[0].size == (100, 40)


def test_many_sizes_are_drawn_from_one_decoding(file, tmp_path):
    sizes = [Size(width=320, format="webp"), Size(width=640, format="webp"), Size(width=640, format="jpeg")]

    drawn = resizing.render(file(pictures.photograph(1600, 1200, orientation=1)), sizes, tmp_path)

    assert [(one.content_type, one.width, one.height) for one in drawn] == [
        ("image/webp", 320, 240),
        ("image/webp", 640, 480),
        ("image/jpeg", 640, 480),
    ]
    assert len({one.path for one in drawn}) == 3


def test_a_picture_taller_than_any_format_knows_is_drawn_narrower(render):
    assert render(saved(Image.new("L", (600, 20_000)), "PNG"), 640)[0].size == (491, 16_383)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("way", ["small", "copy"])
def test_a_photograph_is_turned_as_it_was_held(render, copy, orientation, way):
    """Whatever way the camera was held, its pixels are stored such that red ends up in the top left corner."""
    # given
    upright = Image.new("RGB", (80, 40), "blue")
    upright.paste("red", (0, 0, 40, 20))
    held = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    stored = upright if held is None else upright.transpose(Image.Transpose(held))
    content = saved(stored, "JPEG", exif=exif(orientation), quality=95)

    # when
    shown, _ = render(content) if way == "small" else copy(content)

    # then
    assert shown.size == (80, 40)
    assert near(shown.getpixel((10, 5)), (254, 0, 0))
    assert all(near(shown.getpixel(corner), (0, 0, 254)) for corner in [(70, 5), (10, 35), (70, 35)])


def test_a_photograph_on_its_side_is_as_wide_as_asked_once_it_is_turned(render):
    assert render(pictures.photograph(2000, 1000, orientation=6), 320)[0].size == (320, 640)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda: saved(noise(), "JPEG", **private(), comment=SECRET.encode()), id="jpeg"),
        pytest.param(lambda: saved(noise(), "PNG", **private(), pnginfo=text(), dpi=(300, 300)), id="png"),
        pytest.param(lambda: saved(noise(), "WEBP", **private()), id="webp"),
        pytest.param(lambda: saved(noise(), "WEBP", **private(), lossless=True), id="exact webp"),
        pytest.param(lambda: saved(noise(), "AVIF", **private()), id="avif"),
        pytest.param(lambda: saved(noise().convert("P"), "GIF", comment=SECRET), id="gif"),
        pytest.param(lambda: pictures.two_in_one(), id="two in one"),
    ],
)
@pytest.mark.parametrize("form", ["copy", *FORMATS])
def test_nothing_but_pixels_is_left_of_the_file(render, copy, content, form):
    # given
    original = content()
    assert b"MPF\0" in original or SECRET.encode() in original

    # when
    shown, written = copy(original) if form == "copy" else render(original, format=form)

    # then
    assert not shown.getexif()
    assert set(shown.info) <= {
        *("jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"),
        *("background", "loop", "duration", "timestamp", "version", "transparency"),
    }
    assert SECRET.encode() not in written
    assert not any(word in written for word in (b"Exif\0", b"http://ns.adobe.com", b"ICC_PROFILE", b"MPF\0"))


def test_a_png_s_metadata_behind_the_pixels_is_left_out_too(copy):
    # given
    whole = saved(noise(), "PNG")
    end = whole.rindex(b"IEND") - 4
    content = whole[:end] + pictures._chunk(b"tEXt", b"parameters\0" + SECRET.encode()) + whole[end:]
    assert SECRET.encode() in content

    # when
    shown, written = copy(content)

    # then
    assert SECRET.encode() not in written
    assert shown.tobytes() == noise().tobytes()


@pytest.mark.parametrize(
    ("form", "options"),
    [("PNG", {}), ("WEBP", {"lossless": True, "exact": True})],
    ids=["png", "exact webp"],
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_a_copy_of_an_exact_format_is_exact(copy, form, options, mode):
    shown, _ = copy(saved(noise(mode), form, **options))

    assert shown.convert(mode).tobytes() == noise(mode).tobytes()


def test_a_copy_of_sixteen_bits_has_sixteen_bits(copy):
    shown, _ = copy(saved(deep(), "PNG"))

    assert (shown.mode, shown.tobytes()) == ("I;16", deep().tobytes())


def test_a_copy_of_a_photograph_keeps_its_quality(copy):
    """Within a shade, and not much larger."""
    original = saved(Image.linear_gradient("L").convert("RGB"), "JPEG", quality=90, subsampling="4:4:4")

    shown, written = copy(original)

    first = Image.open(io.BytesIO(original))
    assert shown.quantization == first.quantization
    assert get_sampling(Image.open(io.BytesIO(written))) == get_sampling(first) == 0
    assert near(shown.getpixel((128, 200)), first.getpixel((128, 200)), within=2)
    assert len(written) < 1.1 * len(original)


def test_sixteen_bits_of_grey_are_drawn_in_eight(render):
    shown, _ = render(saved(deep(), "PNG"), format="jpeg")

    assert near((shown.convert("L").getpixel((10, 4)), shown.convert("L").getpixel((54, 4))), (64, 191), within=6)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "AVIF", "GIF"])
@pytest.mark.parametrize("format", ["webp", "avif"])
def test_what_shines_through_still_does(render, form, format):
    shown, _ = render(half_clear(form), format=format)

    assert shown.mode == "RGBA"
    assert shown.getpixel((5, 10))[3] < 3
    assert shown.getpixel((35, 10))[3] > 252


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
def test_a_copy_shines_through_as_before(copy, form):
    shown, _ = copy(half_clear(form))

    alpha = shown.convert("RGBA").getchannel("A")
    assert (alpha.getpixel((5, 10)), alpha.getpixel((35, 10))) == (0, 255)


def test_what_shines_through_lies_on_white_where_the_format_knows_no_alpha(render):
    shown, _ = render(half_clear("PNG"), format="jpeg")

    assert near(shown.getpixel((5, 10)), (255, 255, 255))
    assert near(shown.getpixel((35, 10)), (255, 0, 0))


@pytest.mark.parametrize("way", ["small", "copy"])
def test_the_colours_of_a_profile_are_kept_without_it(render, copy, way):
    """A profile with red and blue exchanged: what it says is blue must be blue for who does not know it."""
    content = saved(Image.new("RGB", (40, 40), "red"), "PNG", icc_profile=swapped_profile())

    shown, _ = render(content, format="jpeg") if way == "small" else copy(content)

    assert near(shown.convert("RGB").getpixel((20, 20)), (0, 0, 255), within=20)


def test_a_profile_that_makes_no_sense_is_left_out(render):
    content = saved(Image.new("RGB", (40, 40), "red"), "PNG", icc_profile=b"nonsense")

    assert near(render(content, format="jpeg")[0].getpixel((20, 20)), (255, 0, 0))


@pytest.mark.parametrize("way", ["small", "copy"])
def test_colours_of_print_become_colours_of_screens(render, copy, way):
    content = saved(Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "JPEG", quality=95)

    shown, _ = render(content) if way == "small" else copy(content)

    assert shown.mode == "RGB"
    assert near(shown.getpixel((20, 20)), (255, 0, 0))


def test_a_palette_is_no_obstacle(render):
    content = saved(Image.linear_gradient("L").quantize(16), "GIF")

    assert near(render(content, 128)[0].getpixel((64, 120)), (240, 240, 240), within=16)


def test_a_bomb_is_not_drawn(file, tmp_path):
    with pytest.raises((ChildFailed, Undrawable)):
        children.run(resizing.render, file(pictures.bomb()), [Size(width=320, format="webp")], tmp_path)


@pytest.mark.parametrize("draw", [resizing.copy, lambda path, folder: resizing.placeholder(path)])
def test_what_is_damaged_is_not_drawn(file, tmp_path, draw):
    for content in (picture(200, 200)[:5_000], b"<svg/>", b""):
        with pytest.raises(Undrawable):
            draw(file(content), tmp_path)


def test_a_placeholder_has_the_picture_s_colours(file):
    hashed = resizing.placeholder(file(saved(Image.new("RGB", (400, 200), (200, 40, 40)), "JPEG")))

    assert 5 <= len(hashed) <= 25
    red, green, blue, alpha = thumb_hash_to_average_rgba(list(hashed))
    assert (red > 0.7, green < 0.25, blue < 0.25, alpha) == (True, True, True, 1.0)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda: half_clear("PNG"), id="alpha"),
        pytest.param(lambda: saved(Image.new("L", (1, 3_000)), "PNG"), id="a line"),
        pytest.param(lambda: saved(Image.new("RGB", (500, 500), "white"), "PNG"), id="white"),
        pytest.param(lambda: saved(deep(), "PNG"), id="sixteen bits"),
        pytest.param(lambda: picture(mode="CMYK", form="JPEG"), id="print"),
    ],
)
def test_every_picture_has_a_placeholder(file, content):
    assert 5 <= len(resizing.placeholder(file(content()))) <= 25


def loaded(image):
    with image:
        image.load()
        return image


def saved(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def noise(mode="RGB"):
    return loaded(Image.open(io.BytesIO(picture(48, 32, mode=mode))))


def deep():
    """Two shades of grey, in sixteen bits."""
    row = b"\x01\x40" * 32 + b"\x02\xbf" * 32
    return Image.frombytes("I;16", (64, 8), row * 8)


def half_clear(form):
    """Nothing on the left, red on the right."""
    image = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (20, 0, 40, 20))
    return saved(image, form)


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def private():
    """What cameras and generators write into files: where, with what, from which prompt, in which colours."""
    tags = exif(1)
    tags[0x010E] = SECRET
    tags.get_ifd(0x8825)[1] = "N"
    tags.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {"exif": tags, "icc_profile": profile, "xmp": f"<x:xmpmeta>{SECRET}</x:xmpmeta>".encode()}


def text():
    chunks = PngInfo()
    chunks.add_text("parameters", SECRET)
    chunks.add_itxt("prompt", SECRET)
    chunks.add_text("workflow", SECRET, zip=True)
    return chunks


def swapped_profile():
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    places = {}
    for at in range(132, 132 + 12 * int.from_bytes(profile[128:132]), 12):
        places[bytes(profile[at : at + 4])] = at
        if profile[at : at + 4] == b"desc":
            offset, size = (int.from_bytes(profile[at + 4 + n : at + 8 + n]) for n in (0, 4))
            text = profile[offset : offset + size]
            profile[offset : offset + size] = text.replace("sRGB".encode("utf-16-be"), "abcd".encode("utf-16-be"))
    profile[places[b"rXYZ"] : places[b"rXYZ"] + 4], profile[places[b"bXYZ"] : places[b"bXYZ"] + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


def near(found, wanted, *, within=12):
    return all(abs(a - b) <= within for a, b in zip(found, wanted, strict=True))
