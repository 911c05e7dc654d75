"""Given pictures changed: masks kept to the pixel, alpha right, layers that add up."""

import pytest
from PIL import Image, ImageChops, ImageStat

from tests.generation.sandbox.pictures import digest, only, opened, same_where


def test_an_edit_of_strength_0_changes_nothing_and_more_changes_more(work, photo):
    # given
    def changed(strength):
        edited = only(work("edit", prompt="make it warmer", strength=strength, files={"image": photo}))
        assert (edited.size, edited.mode) == (photo.size, "RGB")
        return sum(ImageStat.Stat(ImageChops.difference(edited, photo)).sum)

    # then
    assert changed(0) == 0 < changed(40) < changed(100)


@pytest.mark.parametrize(
    ("prompt", "changes"),
    [
        ("black and white", ["gray"]),
        ("a darker, blurry night", ["darker", "blur", "night"]),
        ("make the old house purple", ["sepia", "color"]),
        ("pencil sketch", ["sketch"]),
        ("oil painting", ["painting"]),
        ("cartoon with a frame, upside down and inverted", ["cartoon", "frame", "upside down", "inverted"]),
        ("mirrored pixel art in the rain", ["mirrored", "pixels", "rain"]),
        ("sharp, snow and fog, vivid, with glow and vignette", ["sharp", "snow", "fog", "vivid", "glow", "vignette"]),
        ("brighter, cooler, muted, more contrast", ["brighter", "cooler", "muted", "contrast"]),
        ("surprise me", ["light"]),
    ],
)  # fmt: skip
def test_an_edit_says_which_changes_it_understood(work, photo, prompt, changes):
    done = work("edit", prompt=prompt, strength=100, files={"image": photo})
    assert done.data == {"changes": changes}
    assert digest(only(done)) != digest(photo)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("operation", ["inpaint", "remove-object"])
def test_only_what_the_mask_marks_is_changed(work, photo, ball_mask, operation, mode):
    # given
    image = photo.convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    options = {"prompt": "a castle"} if operation == "inpaint" else {}

    # when
    result = only(work(operation, files={"image": image, "mask": ball_mask}, **options))

    # then
    assert (result.size, result.mode) == (image.size, mode)
    assert same_where(result, image, ball_mask)
    assert result.convert("RGB").getpixel((120, 70)) != photo.getpixel((120, 70))


def test_a_mask_of_another_size_is_fitted(work, photo, ball_mask):
    small = ball_mask.resize((60, 40))
    result = only(work("inpaint", prompt="sunset", files={"image": photo, "mask": small}))
    assert result.size == photo.size
    assert result.crop((0, 0, 70, 160)).tobytes() == photo.crop((0, 0, 70, 160)).tobytes()


def test_an_object_gives_way_to_what_surrounds_it(work, photo, ball_mask):
    result = only(work("remove-object", files={"image": photo, "mask": ball_mask}))
    wall = (60, 90, 140)
    assert max(abs(a - b) for a, b in zip(result.getpixel((120, 70)), wall, strict=True)) < 12


def test_an_object_that_fills_the_picture_can_be_removed(work, photo):
    everything = Image.new("L", photo.size, 255)
    assert only(work("remove-object", files={"image": photo, "mask": everything})).size == photo.size


@pytest.mark.parametrize("ratio", ["1:1", "16:9", "9:16", "21:9", "1:2", "3:2"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_reframe_keeps_every_pixel_in_the_middle(work, photo, ratio, mode):
    # given
    image = photo.convert(mode)
    across, down = map(int, ratio.split(":"))
    if mode == "RGBA":
        image.putpixel((0, 0), (0, 0, 0, 0))

    # when
    result = only(work("reframe", aspectRatio=ratio, files={"image": image}))

    # then
    width, height = max(240, round(160 * across / down)), max(160, round(240 * down / across))
    left, top = (width - 240) // 2, (height - 160) // 2
    assert (result.size, result.mode) == ((width, height), mode)
    assert result.crop((left, top, left + 240, top + 160)).tobytes() == image.tobytes()
    if mode == "RGB":
        assert result.convert("L").point(lambda value: 255 * (value < 3)).getbbox() is None


def test_the_background_goes_and_the_subject_stays(work, photo):
    # when
    cut_out = only(work("remove-background", files={"image": photo}))
    replaced = only(work("replace-background", prompt="a forest", seed=5, files={"image": photo}))

    # then
    alpha = cut_out.getchannel("A")
    assert (cut_out.mode, alpha.getpixel((120, 70)), alpha.getpixel((5, 5)), alpha.getpixel((20, 150))) == (
        "RGBA",
        255,
        0,
        0,
    )
    assert cut_out.convert("RGB").tobytes() == photo.tobytes()
    assert (replaced.mode, replaced.getpixel((120, 70))) == ("RGB", photo.getpixel((120, 70)))
    assert replaced.getpixel((5, 5)) != photo.getpixel((5, 5))


def test_a_picture_that_is_transparent_already_is_cut_out_as_it_is(work, photo, ball_mask):
    photo.putalpha(ball_mask)
    assert only(work("remove-background", files={"image": photo})).getchannel("A").tobytes() == ball_mask.tobytes()


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_enlarged_picture_is_the_same_picture(work, photo, ball_mask, factor, mode):
    # given
    image = photo.convert(mode)
    if mode == "RGBA":
        image.putalpha(ball_mask)

    # when
    large = only(work("upscale", factor=factor, files={"image": image}))

    # then
    assert (large.size, large.mode) == ((240 * factor, 160 * factor), mode)
    back = ImageChops.difference(large.reduce(factor).convert("RGBA"), image.convert("RGBA"))
    assert max(ImageStat.Stat(back, ball_mask.resize(image.size)).mean) < 3


@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_layers_laid_over_each_other_show_the_picture_to_the_pixel(work, photo, ball_mask, count, mode):
    # given
    image = photo.convert("RGBA")
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
        image = Image.alpha_composite(Image.new("RGBA", image.size), image)

    # when
    done = work("layerize", layers=count, files={"image": image.convert(mode)})

    # then
    assert (len(done.outputs), len(done.data["layers"]), done.units) == (count, count, 1)
    shown = Image.new("RGBA", image.size)
    for output in done.outputs:
        layer = opened(output)
        assert (layer.mode, layer.size) == ("RGBA", image.size)
        shown = Image.alpha_composite(shown, layer)
    assert ImageChops.difference(shown, image).getbbox(alpha_only=False) is None
