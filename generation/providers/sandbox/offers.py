"""What the sandbox sells: list prices in credits, beside costs that are made up so that margins have something to show.

A price is (credits, provider cost in micro-USD) per unit; one credit is 1,000 micro-USD of list price.
"""

from collections.abc import Mapping

from generation.providers.base import Offer, OperationInput
from generation.providers.sandbox import inputs

MODEL = "sandbox/v1"


def _offer(
    operation: str, title: str, takes: type[OperationInput], unit: str, prices: Mapping[str, tuple[int, int]]
) -> Offer:
    return Offer(model=MODEL, title=title, operation=operation, input=takes, unit=unit, prices=prices)


OFFERS: tuple[Offer, ...] = (
    _offer("generate", "Generate", inputs.Generate, "image", {"standard": (20, 8_000), "large": (40, 16_000)}),
    _offer("edit", "Edit", inputs.Edit, "image", {"": (20, 8_000)}),
    _offer("inpaint", "Inpaint", inputs.Inpaint, "image", {"": (20, 8_000)}),
    _offer("remix", "Remix", inputs.Remix, "image", {"": (20, 8_000)}),
    _offer("reframe", "Reframe", inputs.Reframe, "image", {"": (15, 6_000)}),
    _offer("replace-background", "Replace background", inputs.ReplaceBackground, "image", {"": (20, 8_000)}),
    _offer("remove-background", "Remove background", inputs.RemoveBackground, "image", {"": (10, 4_000)}),
    _offer("remove-object", "Remove object", inputs.RemoveObject, "image", {"": (10, 4_000)}),
    _offer(
        "generate-transparent",
        "Generate transparent",
        inputs.GenerateTransparent,
        "image",
        {"standard": (25, 10_000), "large": (50, 20_000)},
    ),
    _offer("upscale", "Upscale", inputs.Upscale, "image", {"x2": (10, 4_000), "x4": (30, 12_000)}),
    _offer("describe", "Describe", inputs.Describe, "call", {"": (2, 500)}),
    _offer("magic-prompt", "Magic prompt", inputs.MagicPrompt, "call", {"": (1, 200)}),
    _offer("layerize", "Layerize", inputs.Layerize, "call", {"": (40, 16_000)}),
    _offer("vectorize", "Vectorize", inputs.Vectorize, "call", {"": (30, 12_000)}),
    _offer("transcribe", "Transcribe", inputs.Transcribe, "call", {"": (5, 1_500)}),
)
