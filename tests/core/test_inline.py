"""Media written out as text is told from text, in every spelling, and nothing else is taken for it."""

import base64
import random

import pytest

from core import inline
from core.inline import LEFT_OUT

BYTES = random.Random(7).randbytes(1200)
BASE64 = base64.b64encode(BYTES).decode()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"data:image/png;base64,{BASE64}", LEFT_OUT),
        (f"see data:image/png;base64,{BASE64} there", f"see {LEFT_OUT} there"),
        ("DATA:Image/SVG+xml;Charset=utf-8;BASE64,AAAA and on", f"{LEFT_OUT} and on"),
        ("data:audio/x-wav;base64", LEFT_OUT),
        (f'{{"b64_json": "{BASE64}"}}', f'{{"b64_json": "{LEFT_OUT}"}}'),
        (base64.urlsafe_b64encode(BYTES).decode(), LEFT_OUT),
    ],
)
def test_media_is_left_out(text, left):
    assert inline.has_media(text)
    assert inline.without_media(text) == left


@pytest.mark.parametrize(
    "text",
    ["", "a cat", "my base64 data: image/png", "data:text/plain,hello", "x" * 5000, BASE64[:900], "word " * 1000],
)
def test_text_is_left_alone(text):
    assert not inline.has_media(text)
    assert inline.without_media(text) is text


def test_json_is_walked():
    media = f"data:image/png;base64,{BASE64}"

    assert inline.json_without_media({"a": [media, 1, None, {media: "b"}], "c": True}) == {
        "a": [LEFT_OUT, 1, None, {LEFT_OUT: "b"}],
        "c": True,
    }


def test_no_json_comes_in_with_media(api):
    body = {"operation": "generate", "model": "sandbox/v1", "input": {"image": f"data:image/png;base64,{BASE64}"}}

    answer = api.post("/v1/quotes", body, format="json")

    assert (answer.status_code, answer.json()["code"]) == (422, "inline_media")
    assert BASE64[:100] not in answer.content.decode()
