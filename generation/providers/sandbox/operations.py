"""The work itself: what each operation of the sandbox makes of its input. Runs in a child process."""

import hashlib
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageFilter, ImageStat

from generation.providers.base import Done, OperationInput, Output
from generation.providers.sandbox import edits, inputs, layering, measure, outpaint, pixels, shapes, sound, wording
from generation.providers.sandbox.art import paint, scene
from generation.providers.sandbox.subject import subject_mask

Refused = pixels.Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One call: the input, the files it names by field, and the folder that outputs go to."""

    operation: str
    input: OperationInput
    files: Mapping[str, Path]
    folder: Path
    key: str

    def seed(self, asked: int | None) -> int:
        """The seed asked for; where none was, the call's key decides."""
        return int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:4]) % 2**31 if asked is None else asked

    def image(self, field: str = "image") -> Image.Image:
        return pixels.load(self.files[field])

    def pictures(self, count: int, seed: int | None, draw: Callable[[int], Image.Image]) -> Done:
        """So many pictures, each drawn from a seed of its own."""
        first = self.seed(seed)
        seeds = [(first + index) % 2**31 for index in range(count)]
        outputs = tuple(self.kept(draw(each), index, each) for index, each in enumerate(seeds))
        return Done(outputs=outputs, units=count)

    def picture(self, image: Image.Image) -> Done:
        """One picture that chance has no part in."""
        return Done(outputs=(self.kept(image),), units=1)

    def kept(self, image: Image.Image, index: int = 0, seed: int | None = None) -> Output:
        return Output(kind="image", path=pixels.save(image, self.folder / f"output-{index}.png"), seed=seed)


def perform(task: Task) -> Done:
    """Do the task. Raises Refused."""
    return _OPERATIONS[task.operation](task, task.input)


def _generate(task: Task, asked: inputs.Generate) -> Done:
    def draw(seed: int) -> Image.Image:
        return scene.landscape(asked.prompt, asked.negative_prompt, seed, asked.size())

    return task.pictures(asked.count, asked.seed, draw)


def _generate_transparent(task: Task, asked: inputs.GenerateTransparent) -> Done:
    def draw(seed: int) -> Image.Image:
        return scene.emblem(asked.prompt, asked.negative_prompt, seed, asked.size())

    return task.pictures(asked.count, asked.seed, draw)


def _edit(task: Task, asked: inputs.Edit) -> Done:
    image = task.image()
    base = image.convert("RGB")
    made: list[str] = []

    def draw(seed: int) -> Image.Image:
        new, changes = edits.edited(base, asked.prompt, _chance(seed, asked.prompt))
        made[:] = changes
        return pixels.with_alpha_of(Image.blend(base, new, asked.strength / 100), image)

    done = task.pictures(asked.count, asked.seed, draw)
    return Done(outputs=done.outputs, units=done.units, data={"changes": made})


def _inpaint(task: Task, asked: inputs.Inpaint) -> Done:
    image = task.image()
    mask = pixels.load_mask(task.files["mask"], image.size)
    left, top, right, bottom = mask.getbbox() or (0, 0, *image.size)
    soft = pixels.feathered(mask, max(0.6, min(right - left, bottom - top) / 40))

    def draw(seed: int) -> Image.Image:
        new = Image.new("RGB", image.size)
        new.paste(_scene(asked.prompt, seed, (right - left, bottom - top)), (left, top))
        return _replaced(image, new, soft)

    return task.pictures(asked.count, asked.seed, draw)


def _remix(task: Task, asked: inputs.Remix) -> Done:
    image = task.image()
    base = image.convert("RGB")
    share = asked.strength / 100

    def draw(seed: int) -> Image.Image:
        chance = _chance(seed, asked.prompt)
        graded = edits.graded(base, asked.prompt, chance, 0.35 + 0.5 * share)
        lit = ImageChops.soft_light(_scene(asked.prompt, seed, image.size), graded)
        new = Image.blend(graded, lit, 0.25 + 0.55 * share)
        return pixels.with_alpha_of(Image.blend(base, new, min(1.0, share * 1.6)), image)

    return task.pictures(asked.count, asked.seed, draw)


def _replace_background(task: Task, asked: inputs.ReplaceBackground) -> Done:
    image = task.image()
    mask = subject_mask(image)

    def draw(seed: int) -> Image.Image:
        return Image.composite(image.convert("RGB"), _scene(asked.prompt, seed, image.size), mask)

    return task.pictures(asked.count, asked.seed, draw)


def _remove_background(task: Task, asked: inputs.RemoveBackground) -> Done:
    image = task.image()
    cut_out = image.convert("RGB")
    cut_out.putalpha(subject_mask(image))
    return task.picture(cut_out)


def _remove_object(task: Task, asked: inputs.RemoveObject) -> Done:
    image = task.image()
    mask = pixels.load_mask(task.files["mask"], image.size)
    # What surrounds the mask closely may still show the object's rim: it is not learnt from.
    filled = pixels.gap_filled(image.convert("RGB"), pixels.grown(mask, max(image.size) / 250))
    return task.picture(_replaced(image, _textured(filled, image, mask), mask))


def _reframe(task: Task, asked: inputs.Reframe) -> Done:
    image = task.image()
    across, down = (int(part) for part in asked.aspect_ratio.split(":"))
    size = max(image.width, round(image.height * across / down)), max(image.height, round(image.width * down / across))
    pixels.check_pixels(size)
    place = (size[0] - image.width) // 2, (size[1] - image.height) // 2
    canvas = Image.new("RGBA", size) if image.mode == "RGBA" else outpaint.surroundings(image, size)
    canvas.paste(image, place)
    return task.picture(canvas)


def _upscale(task: Task, asked: inputs.Upscale) -> Done:
    image = task.image()
    size = image.width * asked.factor, image.height * asked.factor
    pixels.check_pixels(size, pixels.MAX_ENLARGED_PIXELS)
    large = image.resize(size, Image.Resampling.LANCZOS)
    del image
    sharp = large.convert("RGB").filter(ImageFilter.UnsharpMask(radius=asked.factor * 0.6, percent=70, threshold=2))
    return task.picture(pixels.with_alpha_of(sharp, large))


def _layerize(task: Task, asked: inputs.Layerize) -> Done:
    names, outputs = [], []
    for index, (name, layer) in enumerate(layering.layers_of(task.image(), asked.layers)):
        names.append(name)
        outputs.append(task.kept(layer, index))
    return Done(outputs=tuple(outputs), units=1, data={"layers": names})


def _describe(task: Task, asked: inputs.Describe) -> Done:
    facts = measure.measured(task.image())
    return _told(facts.text(), facts.json())


def _transcribe(task: Task, asked: inputs.Transcribe) -> Done:
    recording = sound.heard(task.files["audio"])
    return _told(recording.text(), recording.json())


def _magic_prompt(task: Task, asked: inputs.MagicPrompt) -> Done:
    return _told(wording.expanded(asked.prompt, _chance(task.seed(asked.seed), asked.prompt)), {})


def _vectorize(task: Task, asked: inputs.Vectorize) -> Done:
    path = task.folder / "output-0.json"
    path.write_text(json.dumps(shapes.traced(task.image(), asked.colors), separators=(",", ":")))
    return Done(outputs=(Output(kind="json", path=path),), units=1)


def _told(text: str, data: Mapping[str, Any]) -> Done:
    return Done(outputs=(Output(kind="text", text=text),), units=1, data=data)


def _replaced(image: Image.Image, new: Image.Image, mask: Image.Image) -> Image.Image:
    """The new RGB picture where the mask is white; where it is black every pixel, its alpha too, is the old one."""
    changed = Image.composite(new, image.convert("RGB"), mask)
    if image.mode == "RGBA":
        changed.putalpha(ImageChops.lighter(image.getchannel("A"), mask))
    return changed


def _textured(filled: Image.Image, image: Image.Image, mask: Image.Image) -> Image.Image:
    """With as much unrest as the pixels around the mask have: a smooth patch in a rough wall would show."""
    gray = image.convert("L")
    fine = ImageChops.subtract(gray, gray.filter(ImageFilter.GaussianBlur(1.5)), offset=128)
    around = ImageChops.subtract(pixels.grown(mask, max(image.size) / 60), pixels.grown(mask, max(image.size) / 250))
    if around.getbbox() is None:
        return filled
    unrest = ImageStat.Stat(fine, around).stddev[0]
    return paint.grained(filled, _chance(0, "texture"), min(10, round(unrest)))


def _scene(prompt: str, seed: int, size: tuple[int, int]) -> Image.Image:
    """A scene at a size that may be large: drawn at about a megapixel and enlarged."""
    share = min(1.0, (1_200_000 / (size[0] * size[1])) ** 0.5)
    drawn = scene.landscape(prompt, "", seed, (max(8, round(size[0] * share)), max(8, round(size[1] * share))))
    return drawn.resize(size, Image.Resampling.BICUBIC)


def _chance(seed: int, prompt: str) -> random.Random:
    return random.Random(f"{seed}:{prompt}")  # noqa: S311


_OPERATIONS: dict[str, Callable[[Task, Any], Done]] = {
    "generate": _generate,
    "generate-transparent": _generate_transparent,
    "edit": _edit,
    "inpaint": _inpaint,
    "remix": _remix,
    "replace-background": _replace_background,
    "remove-background": _remove_background,
    "remove-object": _remove_object,
    "reframe": _reframe,
    "upscale": _upscale,
    "layerize": _layerize,
    "describe": _describe,
    "transcribe": _transcribe,
    "magic-prompt": _magic_prompt,
    "vectorize": _vectorize,
}
