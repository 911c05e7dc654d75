"""What every request and answer of the API shares: unknown fields are refused, times have one spelling."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from core import clock


class StrictSerializer(serializers.Serializer[Any]):
    """A request body: a field it does not declare, or may only read, is an error and never ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            writable = {field.field_name for field in self._writable_fields}
            if unknown := sorted(set(data) - writable):
                raise serializers.ValidationError(
                    {name: [ErrorDetail("There is no such field.", code="unknown_field")] for name in unknown}
                )
        return super().to_internal_value(data)


class Moment(serializers.DateTimeField):
    """A time: RFC 3339 in UTC with milliseconds."""

    def to_representation(self, value: datetime) -> str:
        return clock.rfc3339(value)


class StrictSerializerSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # its metaclass has no types
    """Says in the OpenAPI document that other fields are refused."""

    target_class = StrictSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        mapped = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)  # type: ignore[no-untyped-call]  # as above
        return {**mapped, "additionalProperties": False}
