"""What each operation of `sandbox/v1` takes."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from generation.providers.base import AudioId, ImageId, OperationInput

Fault = Literal[
    "rate_limited",
    "server_error",
    "timeout",
    "content_policy",
    "lost_reply",
    "never_arrived",
    "hang",
    "poll_error",
    "task_failed",
    "cancel_refused",
    "bad_output",
    "bad_first_output",
    "empty_output",
    "no_output",
    "withheld",
]
# Each ratio at about a megapixel, exactly.
SIZES: dict[str, tuple[int, int]] = {
    "1:1": (1024, 1024),
    "4:3": (1152, 864),
    "3:4": (864, 1152),
    "3:2": (1248, 832),
    "2:3": (832, 1248),
    "16:9": (1344, 756),
    "9:16": (756, 1344),
    "2:1": (1440, 720),
    "1:2": (720, 1440),
    "21:9": (1568, 672),
}
STANDARD_PIXELS = 1_500_000

AspectRatio = Literal["1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "2:1", "1:2", "21:9"]
_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Prompt = Annotated[_Words, Field(json_schema_extra={"x-multiline": True})]
NegativePrompt = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=2000),
    Field(description="What should not be seen.", json_schema_extra={"x-multiline": True}),
]
Count = Annotated[int, Field(ge=1, le=4, description="How many pictures to make.")]
Seed = Annotated[
    int | None,
    Field(ge=0, le=2**31 - 1, description="The same seed makes the same picture; none: a new one each time."),
]
Side = Annotated[int | None, Field(ge=64, le=2048, description="In pixels; width and height go together.")]
Strength = Annotated[
    int, Field(ge=0, le=100, description="How far to go from the picture: 0 keeps it, 100 hardly does.")
]
Mask = Annotated[ImageId, Field(description="White is changed, black is kept.")]


class SandboxOptions(BaseModel):
    """Latency and faults on demand, to try out what a real provider does. Not taken in production."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, frozen=True)

    latency_seconds: float = Field(
        default=1.5, ge=0, le=600, title="Latency seconds", description="How long the provider takes; 0: at once."
    )
    progress_steps: int = Field(
        default=6, ge=1, le=100, title="Progress steps", description="In how many steps progress is told."
    )
    fail_with: Fault | None = Field(
        default=None,
        title="Fail with",
        description=(
            "rate_limited: 429 with Retry-After. server_error: 503. timeout: no connection. content_policy: refused "
            "for good. lost_reply: accepted, but the answer is lost. never_arrived: lost on the way there. hang: no "
            "answer at all. poll_error: asking fails in the first half of the task. task_failed: accepted, fails when "
            "due. cancel_refused: goes on though canceled. bad_output: bytes that are no picture. "
            "bad_first_output: only of the first. empty_output: no "
            "bytes. no_output: success with nothing. withheld: the safety check keeps one output back."
        ),
    )
    fail_attempts: int | None = Field(
        default=None,
        ge=1,
        le=100,
        title="Fail attempts",
        description="Only the job's first so many calls fail; none: all of them.",
    )


class SandboxInput(OperationInput):
    """What every operation of the sandbox takes."""

    sandbox: Annotated[SandboxOptions, Field(json_schema_extra={"x-advanced": True})] = SandboxOptions()


class SizedInput(SandboxInput):
    """A picture made from nothing: its words and its size, which is the ratio's unless given in pixels."""

    prompt: Prompt
    negative_prompt: NegativePrompt = ""
    aspect_ratio: AspectRatio = "1:1"
    width: Side = None
    height: Side = None
    count: Count = 1
    seed: Seed = None

    @model_validator(mode="after")
    def _sides_go_together(self) -> Self:
        if (self.width is None) != (self.height is None):
            raise PydanticCustomError("width_without_height", "Give width and height together, or neither")
        return self

    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return (self.width, self.height) if self.width and self.height else SIZES[self.aspect_ratio]

    def variant(self) -> str:
        width, height = self.size()
        return "standard" if width * height <= STANDARD_PIXELS else "large"


class Generate(SizedInput):
    """Draw a picture from words."""


class GenerateTransparent(SizedInput):
    """Draw one thing from words, on nothing."""


class Edit(SandboxInput):
    """Change a picture by instruction: its colours, light, weather, season or technique."""

    prompt: Prompt
    image: ImageId
    strength: Strength = 80
    count: Count = 1
    seed: Seed = None


class Inpaint(SandboxInput):
    """Draw something new where the mask is white; every other pixel stays as it is."""

    prompt: Prompt
    image: ImageId
    mask: Mask
    count: Count = 1
    seed: Seed = None


class Remix(SandboxInput):
    """Draw the picture anew in the spirit of some words."""

    prompt: Prompt
    image: ImageId
    strength: Strength = 50
    count: Count = 1
    seed: Seed = None


class Reframe(SandboxInput):
    """Give a picture another aspect ratio by drawing on beyond its edges; none of it is cut or scaled."""

    image: ImageId
    aspect_ratio: AspectRatio = "16:9"


class ReplaceBackground(SandboxInput):
    """Put what the picture shows before another background."""

    prompt: Prompt
    image: ImageId
    count: Count = 1
    seed: Seed = None


class RemoveBackground(SandboxInput):
    """Cut out what the picture shows."""

    image: ImageId


class RemoveObject(SandboxInput):
    """Take away what the mask covers and close the gap from its surroundings."""

    image: ImageId
    mask: Mask


class Upscale(SandboxInput):
    """Enlarge a picture and keep it sharp."""

    image: ImageId
    factor: Annotated[Literal[2, 4], Field(description="How many times wider and higher.")] = 2

    def variant(self) -> str:
        return f"x{self.factor}"


class Describe(SandboxInput):
    """Say what can be measured in a picture: colours, light, contrast, detail."""

    image: ImageId


class MagicPrompt(SandboxInput):
    """Make a richer prompt of a short one."""

    prompt: Prompt
    seed: Seed = None


class Layerize(SandboxInput):
    """Take a picture apart into layers that show it again when laid over each other."""

    image: ImageId
    layers: Annotated[int, Field(ge=2, le=5, description="The background counts as one.")] = 3


class Vectorize(SandboxInput):
    """Trace a picture into flat coloured shapes: a JSON document of polygons."""

    image: ImageId
    colors: Annotated[int, Field(ge=2, le=24, description="How many colours the shapes may have.")] = 8


class Transcribe(SandboxInput):
    """Tell what is to be heard in a WAV recording, as far as levels show it: when there is sound, and how loud."""

    audio: AudioId
