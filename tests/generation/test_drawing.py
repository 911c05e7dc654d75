"""Each operation of the sandbox on real pixels: sizes to the pixel, masks kept, alpha right, the same every time."""

import hashlib
import json
import math
import uuid
import wave

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from generation.providers.sandbox.offers import OFFERS
from generation.providers.sandbox.operations import Refused, Task, perform
from generation.providers.sandbox.shapes import traced

BLACK = Image.new("RGB", (8, 8))
INPUTS = {offer.operation: offer.input for offer in OFFERS}


@pytest.fixture
def work(tmp_path):
    """Performs an operation; files are given as pictures, or as paths."""

    def _work(operation, *, key="attempt-1", files=None, **options):
        paths = {}
        for field, file in (files or {}).items():
            paths[field] = tmp_path / f"in-{field}"
            if isinstance(file, Image.Image):
                file.save(paths[field], "PNG")
            else:
                paths[field].write_bytes(file)
        folder = tmp_path / uuid.uuid4().hex
        folder.mkdir()
        takes = INPUTS[operation]
        names = {name: str(uuid.uuid4()) for name in paths}
        task = Task(
            operation=operation, input=takes.model_validate(names | options), files=paths, folder=folder, key=key
        )
        return perform(task)

    return _work


@pytest.fixture
def photo():
    """A bright ball before a plain wall, with a floor."""
    image = Image.new("RGB", (240, 160), (60, 90, 140))
    pen = ImageDraw.Draw(image)
    pen.rectangle([0, 120, 240, 160], fill=(90, 70, 50))
    pen.ellipse([85, 35, 155, 105], fill=(240, 190, 40))
    return image


@pytest.fixture
def ball_mask():
    mask = Image.new("L", (240, 160))
    ImageDraw.Draw(mask).ellipse([80, 30, 160, 110], fill=255)
    return mask


def opened(output):
    with Image.open(output.path) as image:
        assert image.format == "PNG"
        return image.copy()


def only(done):
    assert len(done.outputs) == 1
    return opened(done.outputs[0])


def digest(image):
    return hashlib.sha256(image.tobytes()).hexdigest()


def same_where(a, b, mask):
    """Whether two pictures are equal to the pixel wherever the mask is black."""
    kept = mask.point(lambda value: 0 if value >= 128 else 255)
    difference = ImageChops.difference(a.convert("RGBA"), b.convert("RGBA"))
    return all(ImageChops.multiply(band, kept).getbbox() is None for band in difference.split())


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, (1024, 1024)),
        ({"aspectRatio": "16:9"}, (1344, 756)),
        ({"width": 64, "height": 64}, (64, 64)),
        ({"width": 65, "height": 331, "aspectRatio": "16:9"}, (65, 331)),
        ({"width": 2048, "height": 64}, (2048, 64)),
    ],
)
def test_a_picture_has_the_size_asked_for(work, options, size):
    image = only(work("generate", prompt="a lighthouse at dusk", **options))
    assert (image.size, image.mode) == (size, "RGB")


@pytest.mark.parametrize(
    "prompt",
    [
        "mountains at dawn, snow",
        "tokyo at night in the rain",
        "a fox and a person in a foggy forest",
        "cactus in the desert",
        "a rocket in space",
        "aurora over a cabin and a windmill",
        "a whale, a boat and birds at sea",
        "a castle, a robot, a mushroom, a flower, a tree, a balloon, a dog",
        "日本語だけ 🎨",
        "x" * 2000,
    ],
)
def test_any_prompt_gives_a_picture_with_something_to_see(work, prompt):
    image = only(work("generate", prompt=prompt, width=96, height=64))
    assert ImageStat.Stat(image.convert("L")).stddev[0] > 5


def test_the_same_seed_draws_the_same_and_another_draws_another(work):
    # given
    def drawn(**options):
        return [digest(opened(one)) for one in work("generate", prompt="hills", width=64, height=64, **options).outputs]

    # then
    assert drawn(seed=7) == drawn(seed=7, key="attempt-2")
    assert drawn(seed=7) != drawn(seed=8)
    assert drawn() == drawn()
    assert drawn(key="attempt-2") != drawn()


def test_each_of_several_pictures_has_a_seed_that_draws_it_again(work):
    # when
    done = work("generate", prompt="a boat", width=64, height=64, count=4, seed=2**31 - 2)

    # then
    assert done.units == 4
    assert [output.seed for output in done.outputs] == [2**31 - 2, 2**31 - 1, 0, 1]
    pictures = [digest(opened(output)) for output in done.outputs]
    assert len(set(pictures)) == 4
    assert digest(only(work("generate", prompt="a boat", width=64, height=64, seed=0))) == pictures[2]


def test_colour_words_colour_the_picture(work):
    means = {
        color: ImageStat.Stat(
            only(work("generate", prompt=f"{color} hills in {color}", width=64, height=64, seed=3))
        ).mean
        for color in ("red", "green", "blue")
    }
    assert means["red"][0] == max(mean[0] for mean in means.values())
    assert means["green"][1] - means["green"][0] > means["red"][1] - means["red"][0]
    assert means["blue"][2] - means["blue"][0] > means["red"][2] - means["red"][0]


def test_what_the_negative_prompt_names_is_not_drawn(work):
    with_cat = only(work("generate", prompt="a cat on hills by day", width=64, height=64, seed=1))
    without = only(work("generate", prompt="a cat on hills by day", negativePrompt="cats", width=64, height=64, seed=1))
    bare = only(work("generate", prompt="a cat on hills by day", negativePrompt="cat", width=64, height=64, seed=1))
    assert digest(with_cat) != digest(bare) == digest(without)


@pytest.mark.parametrize("prompt", ["a cat", "a red balloon and a fox", "something"])
def test_a_transparent_picture_shows_a_thing_on_nothing(work, prompt):
    # when
    image = only(work("generate-transparent", prompt=prompt, width=200, height=120))

    # then
    assert (image.size, image.mode) == ((200, 120), "RGBA")
    alpha = image.getchannel("A")
    assert alpha.getextrema() == (0, 255)
    assert {alpha.getpixel(corner) for corner in ((0, 0), (199, 0), (0, 119), (199, 119))} == {0}


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


def test_a_traced_picture_drawn_again_looks_like_it(work, photo):
    # when
    done = work("vectorize", colors=6, files={"image": photo})

    # then
    (output,) = done.outputs
    drawing = json.loads(output.path.read_text())
    assert (output.kind, drawing["width"], drawing["height"], drawing["fillRule"]) == ("json", 240, 160, "evenodd")
    difference = ImageChops.difference(_rendered(drawing), photo)
    assert max(ImageStat.Stat(difference).mean) < 8
    assert 1 <= len(drawing["shapes"]) < 6


def _rendered(drawing):
    image = Image.new("RGB", (drawing["width"], drawing["height"]), drawing["background"])
    for shape in drawing["shapes"]:
        inside = Image.new("1", image.size)
        for ring in shape["rings"]:
            one = Image.new("1", image.size)
            ImageDraw.Draw(one).polygon([tuple(point) for point in ring], fill=1)
            inside = ImageChops.logical_xor(inside, one)
        image.paste(shape["fill"], (0, 0), inside)
    return image


def test_a_picture_of_one_colour_is_its_background_alone():
    drawing = traced(Image.new("RGB", (50, 40), (10, 200, 30)), 8)
    assert (drawing["background"], drawing["shapes"]) == ("#0ac81e", [])


def test_a_description_tells_what_can_be_measured(work, photo):
    # when
    done = work("describe", files={"image": photo})

    # then
    (output,) = done.outputs
    assert (output.kind, output.path) == ("text", None)
    assert "landscape-format picture of 240 x 160 pixels" in output.text
    assert "lightest at the middle" in output.text
    assert (done.data["width"], done.data["height"], done.data["transparent"]) == (240, 160, 0)
    assert done.data["palette"][0]["name"] in output.text
    assert math.isclose(sum(one["share"] for one in done.data["palette"]), 1, abs_tol=0.03)
    json.dumps(done.data)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (Image.new("RGB", (1, 1), (255, 255, 255)), ["bright", "square", "1 x 1", "nearly without colour", "even"]),
        (Image.new("L", (10, 400), 3), ["dark", "portrait-format"]),
        (Image.new("RGBA", (8, 8), (255, 0, 0, 0)), ["100 % of it is transparent"]),
        (Image.new("RGB", (30, 20), (206, 46, 44)), ["red (100 %)", "warm"]),
    ],
)
def test_even_the_plainest_picture_can_be_described(work, image, words):
    text = work("describe", files={"image": image}).outputs[0].text
    assert [word for word in words if word not in text] == []


def test_a_magic_prompt_keeps_the_words_and_adds_to_them(work):
    # when
    (first,) = work("magic-prompt", prompt="a cat at sunset.", seed=1).outputs
    (again,) = work("magic-prompt", prompt="a cat at sunset.", seed=1).outputs

    # then
    assert first.kind == "text"
    assert first.text.startswith("a cat at sunset, ")
    assert len(first.text) > 80
    assert again == first


@pytest.fixture
def recording(tmp_path):
    def _recording(*, width=2, channels=1, rate=8000, loud=(0.5, 1.5), seconds=2.5):
        values = []
        for index in range(round(seconds * rate)):
            is_loud = loud[0] <= index / rate < loud[1]
            value = math.sin(index * 440 * math.tau / rate) * 0.5 * is_loud
            values += [round(value * (2 ** (8 * width - 1) - 1))] * channels
        path = tmp_path / "recording.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(width)
            file.setframerate(rate)
            data = b"".join(
                (value + 128 * (width == 1)).to_bytes(width, "little", signed=width > 1) for value in values
            )
            file.writeframes(data)
        return path.read_bytes()

    return _recording


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_recording_is_told_by_its_levels(work, recording, width, channels):
    # when
    done = work("transcribe", files={"audio": recording(width=width, channels=channels)})

    # then
    text = done.outputs[0].text
    assert text.startswith(f"2.5 s of audio, {'mono' if channels == 1 else 'stereo'}, 8 kHz. Sound at 0.5-1.5 s;")
    assert "-9 dBFS" in text
    assert "understands no words" in text
    assert done.data["sounds"] == [{"start": 0.5, "end": 1.5}]


def test_silence_is_silence(work, recording):
    done = work("transcribe", files={"audio": recording(loud=(0, 0))})
    assert "Nothing but silence." in done.outputs[0].text


@pytest.mark.parametrize(
    ("operation", "files", "options", "code"),
    [
        ("upscale", {"image": b"no picture"}, {}, "bad_input"),
        ("upscale", {"image": b""}, {}, "bad_input"),
        ("describe", {"image": b"\x89PNG\r\n\x1a\n" + b"\0" * 40}, {}, "bad_input"),
        ("transcribe", {"audio": b"ID3 an mp3"}, {}, "bad_input"),
        ("transcribe", {"audio": b""}, {}, "bad_input"),
        ("upscale", {"image": Image.new("1", (2000, 2000))}, {"factor": 4}, "too_large"),
        ("reframe", {"image": Image.new("1", (64, 9000))}, {"aspectRatio": "21:9"}, "too_large"),
        ("edit", {"image": Image.new("1", (6000, 6000))}, {"prompt": "x"}, "too_large"),
        ("inpaint", {"image": BLACK, "mask": Image.new("L", (8, 8), 127)}, {"prompt": "x"}, "empty_mask"),
        ("remove-object", {"image": BLACK, "mask": Image.new("RGBA", (8, 8), (255, 255, 255, 0))}, {}, "empty_mask"),
    ],
)  # fmt: skip
def test_what_cannot_be_worked_on_is_refused(work, operation, files, options, code):
    with pytest.raises(Refused) as refusal:
        work(operation, files=files, **options)
    assert refusal.value.code == code


def test_a_truncated_picture_is_refused(work, photo, tmp_path):
    photo.save(tmp_path / "whole.png")
    half = (tmp_path / "whole.png").read_bytes()[:400]
    with pytest.raises(Refused, match="damaged"):
        work("upscale", files={"image": half})


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 300), (3, 3)])
@pytest.mark.parametrize(
    ("operation", "options"),
    [
        (
            "edit",
            {"prompt": "oil painting, cartoon, pencil sketch, pixel, frame, fog, snow, rain, glow, vignette, blur"},
        ),
        ("remix", {"prompt": "sea"}),
        ("inpaint", {"prompt": "sea"}),
        ("remove-object", {}),
        ("reframe", {"aspectRatio": "1:1"}),
        ("replace-background", {"prompt": "sea"}),
        ("remove-background", {}),
        ("upscale", {}),
        ("layerize", {}),
        ("vectorize", {}),
        ("describe", {}),
    ],
)
def test_the_smallest_pictures_work_too(work, operation, options, size):
    files = {"image": Image.new("RGB", size, (120, 40, 200))}
    if operation in ("inpaint", "remove-object"):
        files["mask"] = Image.new("L", size, 255)
    done = work(operation, files=files, **options)
    assert done.outputs
    for output in done.outputs:
        if output.kind == "image":
            opened(output)


def test_a_photograph_that_lies_on_its_side_is_set_upright(work, photo, tmp_path):
    # given: orientation 6, "turn clockwise to see it"
    exif = Image.Exif()
    exif[274] = 6
    photo.save(tmp_path / "phone.jpg", exif=exif)

    # when
    large = only(work("upscale", files={"image": (tmp_path / "phone.jpg").read_bytes()}))

    # then
    assert large.size == (320, 480)
    assert not large.getexif()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16", "F", "YCbCr"])
def test_pictures_of_every_mode_are_taken(work, photo, mode, tmp_path):
    path = tmp_path / "picture.tif"
    (photo.convert("I").convert(mode) if mode == "I;16" else photo.convert(mode)).save(path)
    assert only(work("upscale", files={"image": path.read_bytes()})).size == (480, 320)
