"""What the sandbox offers: schemas that a form can be drawn from and the server validates with, and prices."""

import json
import uuid

import jsonschema  # type: ignore[import-untyped] # comes without types
import pytest
from pydantic import ValidationError

from generation.providers.base import ImageId, OperationInput
from generation.providers.sandbox.inputs import Generate, Inpaint
from generation.providers.sandbox.offers import OFFERS

OPERATIONS = [
    "generate", "edit", "inpaint", "remix", "reframe", "replace-background", "remove-background", "remove-object",
    "generate-transparent", "upscale", "describe", "magic-prompt", "layerize", "vectorize", "transcribe",
]  # fmt: skip


def test_every_operation_is_offered_and_priced():
    assert sorted(offer.operation for offer in OFFERS) == sorted(OPERATIONS)
    for offer in OFFERS:
        assert (offer.model, offer.resumable) == ("sandbox/v1", True)
        assert all(credits * 1000 > cost > 0 for credits, cost in offer.prices.values())


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.operation)
def test_a_form_can_be_drawn_from_each_schema(offer):
    # when
    schema = json.loads(json.dumps(offer.input.schema_of_form()))

    # then
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "$ref" not in json.dumps(schema)
    assert (schema["type"], schema["additionalProperties"], bool(schema["description"])) == ("object", False, True)
    assert list(schema["properties"])[-1] == "sandbox"
    for name, field in schema["properties"].items():
        assert field["title"]
        assert "type" in field
        assert name in schema.get("required", []) or "default" in field
        if name in ("image", "mask", "audio"):
            assert (field["format"], field["x-kind"]) == ("asset-id", "audio" if name == "audio" else "image")


def test_the_schema_of_generate_says_what_the_server_checks():
    schema = Generate.schema_of_form()
    properties = schema["properties"]
    assert schema["required"] == ["prompt"]
    assert list(properties) == [
        "prompt", "negativePrompt", "aspectRatio", "width", "height", "count", "seed", "sandbox"
    ]  # fmt: skip
    assert properties["prompt"] == {
        "title": "Prompt", "type": "string", "minLength": 1, "maxLength": 2000, "x-multiline": True
    }  # fmt: skip
    assert properties["aspectRatio"]["enum"][0] == properties["aspectRatio"]["default"] == "1:1"
    assert (properties["width"]["type"], properties["width"]["minimum"], properties["width"]["maximum"]) == (
        ["integer", "null"], 64, 2048
    )  # fmt: skip
    assert (properties["seed"]["minimum"], properties["seed"]["maximum"]) == (0, 2**31 - 1)
    assert "lost_reply" in properties["sandbox"]["properties"]["failWith"]["enum"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", ""),
        ("prompt", "   "),
        ("prompt", "x" * 2001),
        ("prompt", None),
        ("prompt", 7),
        ("count", 0),
        ("count", 5),
        ("count", True),
        ("count", "2"),
        ("width", 64),
        ("width", 63),
        ("seed", -1),
        ("seed", 2**31),
        ("seed", 1.5),
        ("aspectRatio", "5:1"),
        ("negative_prompt", "x"),
        ("style", "x"),
        ("sandbox", None),
        ("sandbox", {"failWith": "nothing"}),
        ("sandbox", {"latencySeconds": 601}),
        ("sandbox", {"latencySeconds": float("nan")}),
        ("sandbox", {"progressSteps": 0}),
        ("sandbox", {"more": 1}),
    ],
)
def test_what_the_schema_does_not_allow_is_refused(field, value):
    with pytest.raises(ValidationError):
        Generate.model_validate({"prompt": "a cat", field: value})


@pytest.mark.parametrize(
    ("options", "quantity", "variant", "places"),
    [
        ({}, 1, "standard", 1),
        ({"count": 4}, 4, "standard", 4),
        ({"aspectRatio": "21:9"}, 1, "standard", 1),
        ({"width": 1024, "height": 1465}, 1, "large", 1),
        ({"width": 2048, "height": 2048, "count": 2}, 2, "large", 2),
    ],
)
def test_what_is_asked_for_is_counted(options, quantity, variant, places):
    asked = Generate.model_validate({"prompt": "a cat", **options})
    assert (asked.quantity(), asked.variant(), asked.places()) == (quantity, variant, places)


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.operation)
def test_every_input_has_a_price(offer):
    given = {"prompt": "x", "image": str(uuid.uuid4()), "mask": str(uuid.uuid4()), "audio": str(uuid.uuid4())}
    asked = offer.input.model_validate({name: given[name] for name in given if name in offer.input.model_fields})
    assert asked.variant() in offer.prices
    stored = asked.model_dump(mode="json", by_alias=True)
    assert offer.input.model_validate(json.loads(json.dumps(stored))) == asked


def test_the_assets_an_input_names_are_found_by_field():
    # given
    class Collage(OperationInput):
        base_image: ImageId
        images: list[ImageId]
        style: ImageId | None = None

    one, two, three = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()

    # then
    asked = Collage.model_validate({"baseImage": str(one), "images": [str(two), str(three)]})
    assert asked.asset_ids() == {"baseImage": (one, "image"), "images.0": (two, "image"), "images.1": (three, "image")}
    asked = Inpaint.model_validate({"prompt": "x", "image": str(one), "mask": str(two)})
    assert asked.asset_ids() == {"image": (one, "image"), "mask": (two, "image")}
    assert Generate.model_validate({"prompt": "x"}).asset_ids() == {}
