"""Media written out as text: `data:` URLs and long base64. None comes in as JSON, and none goes into a row.

Bytes are uploaded and named by their asset. What a provider writes into a text, a fact or an error is told without
them, for from a row it would reach every answer, event, webhook and log.
"""

import re
from collections.abc import Mapping
from typing import Any

LEFT_OUT = "[media left out]"
# A run this long of base64's letters is no word and no hash of anybody's.
_RUN_MIN = 1000
# ... if it looks like encoded bytes: a thousand times the same few letters does not.
_LETTERS_MIN = 20
_DATA_URL = re.compile(
    r"data:[a-z0-9.+-]+/[a-z0-9.+-]+(?:;[^\s,;\"']*)*?;\s*base64(?:,[a-z0-9+/=_%-]*)?", re.IGNORECASE
)
_RUN = re.compile(rf"[A-Za-z0-9+/_-]{{{_RUN_MIN},}}={{0,2}}")


def has_media(text: str) -> bool:
    """Whether there is a `data:` URL in base64, or base64 of a thousand letters, anywhere in the text."""
    return _may_have(text) and without_media(text) is not text


def without_media(text: str) -> str:
    """The text with a mark where the media was; the same object where there is none."""
    if not _may_have(text):
        return text
    told = _RUN.sub(_marked, _DATA_URL.sub(LEFT_OUT, text))
    return text if told == text else told


def json_without_media(value: Any) -> Any:
    """A JSON value whose texts and names have no media in them."""
    if isinstance(value, str):
        return without_media(value)
    if isinstance(value, Mapping):
        return {without_media(name): json_without_media(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_without_media(item) for item in value]
    return value


def _may_have(text: str) -> bool:
    # Nearly every text is neither, which this tells without a search through it.
    return len(text) >= _RUN_MIN or "base64" in text.lower()


def _marked(run: re.Match[str]) -> str:
    return LEFT_OUT if len(set(run[0])) >= _LETTERS_MIN else run[0]
