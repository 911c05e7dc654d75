import json

import pytest

from core.exceptions import BodyTooLarge, MalformedJSON
from core.parsers import decode

DEEPEST = b"[" * 20 + b"]" * 20

MALFORMED = {
    "empty": b"",
    "cut short": b'{"a": 1',
    "trailing text": b"{} x",
    "not quoted": b"{a: 1}",
    "bad UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "overlong NUL": b'{"a": "\xc0\x80"}',
    "surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "escaped NUL": rb'{"a": "\u0000"}',
    "raw NUL": b'{"a": "\x00"}',
    "NUL in a name": rb'{"\u0000": 1}',
    "high surrogate": rb'{"a": "\ud800"}',
    "low surrogate": rb'{"a": "x\udc00y"}',
    "surrogates the wrong way round": rb'{"a": "\udc00\ud800"}',
    "surrogate in a name": rb'{"\ud800": 1}',
    "name twice": b'{"a": 1, "a": 2}',
    "name twice below": b'[{"b": {"a": 1, "a": 1}}]',
    "name twice by escape": rb'{"a": 1, "\u0061": 2}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": Infinity}',
    "minus Infinity": b"[-Infinity]",
    "float beyond a double": b"[1e999]",
    "integer beyond 64 bits": b"[9223372036854775808]",
    "integer below 64 bits": b"[-9223372036854775809]",
    "integer of 5,000 digits": b"[" + b"9" * 5_000 + b"]",
    "one level too deep": b"[" + DEEPEST + b"]",
    "objects too deep": b'{"a":' * 21 + b"1" + b"}" * 21,
    "nothing but brackets": b"[" * 250_000,
    "nothing but braces": b'{"a":' * 50_000,
    "a string left open before the brackets": b'"' + b"[" * 200_000,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_odd_json_is_refused(body):
    with pytest.raises(MalformedJSON):
        decode(body)


def test_a_body_over_the_limit_is_refused_before_it_is_read(settings):
    with pytest.raises(BodyTooLarge) as refusal:
        decode(b" " * (settings.JSON_MAX_BYTES + 1))

    assert refusal.value.facts == {"max_bytes": 256 * 1024}


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        "a",
        None,
        True,
        {"prompt": "Füße 😀 \\u0000 is six characters", "count": 4, "seed": 2**63 - 1, "scale": -1.5e10},
        {"brackets": "[" * 1_000, "escaped": '"' + "{" * 1_000},
        [[]] * 1_000,
    ],
)
def test_what_is_good_json_is_read_as_it_is(value):
    assert decode(json.dumps(value).encode()) == value
    assert decode(json.dumps(value, ensure_ascii=False).encode()) == value


def test_the_deepest_body_allowed_is_read():
    assert json.dumps(decode(DEEPEST)).encode() == DEEPEST


def test_a_surrogate_pair_is_one_character():
    assert decode(rb'"\ud83d\ude00"') == "\N{GRINNING FACE}"
