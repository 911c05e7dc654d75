"""Refusals, and the one JSON shape every error answer has (RFC 9457)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, ClassVar
from uuid import UUID

from pydantic import ValidationError

from core import clock, trace

CONTENT_TYPE = "application/problem+json"

type Fact = str | int | float | bool | UUID | datetime | Sequence["Fact"] | Mapping[str, "Fact"] | None
type ProblemJSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one part of a body: where (JSON Pointer), a stable code, and words for a person."""

    pointer: str
    code: str
    detail: str


class Refusal(Exception):
    """The request was refused."""

    # The docstring of a subclass is its message; the class alone decides the HTTP status (config/api.py).
    code: ClassVar[str] = "refused"

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        retry_after: float | None = None,
        **facts: Fact,
    ) -> None:
        self.detail = detail or " ".join((type(self).__doc__ or "").split())
        self.errors = tuple(errors)
        self.retry_after = retry_after
        self.facts = facts
        super().__init__(self.detail)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[FieldError] = (),
    facts: Mapping[str, Fact] | None = None,
) -> ProblemJSON:
    """The body of an error answer; facts become members in camelCase and never displace the standard ones."""
    body: ProblemJSON = {camel_case(name): _plain(value) for name, value in (facts or {}).items()}
    body |= {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "requestId": trace.request_id.get(),
    }
    if errors:
        body["errors"] = [{"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in errors]
    return body


def camel_case(name: str) -> str:
    """snake_case as the API spells it."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return clock.rfc3339(value)
        case UUID():
            return str(value)
        case Mapping():
            return {camel_case(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value


def step(name: str | int) -> str:
    """One step of a JSON Pointer (RFC 6901): a member's name or an item's index."""
    return "/" + str(name).replace("~", "~0").replace("/", "~1")


def field_errors(error: ValidationError, pointer: str = "") -> list[FieldError]:
    """What Pydantic found wrong, one for each place below `pointer`."""
    return [
        FieldError(pointer + "".join(map(step, one["loc"])), one["type"], one["msg"])
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    ]
