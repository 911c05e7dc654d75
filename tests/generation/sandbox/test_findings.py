"""What is told of pictures, prompts and recordings: facts, words and outlines."""

import json
import math

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from generation.providers.sandbox.shapes import traced


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
