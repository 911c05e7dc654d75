"""Every list of the API: newest first, a cursor on the id, at most 100 rows a page."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from core.exceptions import BadPage

if TYPE_CHECKING:
    # rest_framework.views imports the default classes of the settings, this one's module among them.
    from rest_framework.views import APIView

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


class Pages(BasePagination):
    """`{"data": [...], "next": cursor or null}` over rows in descending order of their primary key.

    Keys are time-ordered, so that is newest first, and rows that arrive meanwhile shift nothing.
    """

    def paginate_queryset[M: Model](  # type: ignore[override]  # a list of ours is always a queryset
        self, queryset: QuerySet[M], request: Request, view: "APIView | None" = None
    ) -> list[M]:
        self._request = request
        limit = _limit(request.query_params.get("limit"))
        cursor = request.query_params.get("cursor")
        rows = self.read(queryset, _position(cursor, queryset.model) if cursor else None, limit + 1)
        self.next = _cursor(rows[limit - 1]) if len(rows) > limit else None
        return rows[:limit]

    def read[M: Model](self, rows: QuerySet[M], before: Any, count: int) -> list[M]:
        """At most `count` of the rows, newest first, from before a key if one is given."""
        page = rows.order_by("-pk")
        return list((page if before is None else page.filter(pk__lt=before))[:count])

    def get_paginated_response(self, data: Any) -> Response:
        headers = {}
        if self.next:
            address = replace_query_param(self._request.build_absolute_uri(), "cursor", self.next)
            headers["Link"] = f'<{address}>; rel="next"'
        return Response({"data": data, "next": self.next}, headers=headers)

    def get_paginated_response_schema(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["data", "next"],
            "properties": {"data": schema, "next": {"type": ["string", "null"], "description": "Pass as `cursor`."}},
        }

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:
        return [
            {
                "name": "limit",
                "in": "query",
                "description": "Rows a page.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            },
            {
                "name": "cursor",
                "in": "query",
                "description": "`next` of the page before.",
                "schema": {"type": "string"},
            },
        ]


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT):
        raise BadPage(f"limit is a number from 1 to {MAX_LIMIT}.")
    return int(text)


def _cursor(row: Model) -> str:
    return urlsafe_b64encode(str(row.pk).encode()).decode().rstrip("=")


def _position(cursor: str, model: type[Model]) -> Any:
    """The primary key that a cursor stands for, as a value of its type."""
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        return model._meta.pk.to_python(text)
    except (binascii.Error, ValueError, ValidationError):
        raise BadPage("cursor is not one that this list gave.") from None
