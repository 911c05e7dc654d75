"""Work for the sandbox: pictures, masks and recordings, and the doing of one operation with them."""

import math
import uuid
import wave

import pytest
from PIL import Image, ImageDraw

from generation.providers.sandbox.offers import OFFERS
from generation.providers.sandbox.operations import Task, perform


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
        takes = next(offer.input for offer in OFFERS if offer.operation == operation)
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
