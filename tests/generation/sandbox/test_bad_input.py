"""What cannot be worked on is refused; whatever can be decoded is worked on, however small or odd."""

import pytest
from PIL import Image

from generation.providers.sandbox.operations import Refused
from tests.generation.sandbox.pictures import only, opened

BLACK = Image.new("RGB", (8, 8))


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
