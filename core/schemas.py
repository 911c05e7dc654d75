"""JSON Schemas of the TypedDicts we answer with, for the OpenAPI document."""

from typing import Any

from pydantic import TypeAdapter


def schema_of(shape: Any) -> dict[str, Any]:
    """The JSON Schema of a TypedDict, with what it names written out in place: the shapes are small and finite."""
    schema = TypeAdapter(shape).json_schema()
    parts = schema.pop("$defs", {})
    inlined: dict[str, Any] = _inline(schema, parts)
    return inlined


def _inline(node: Any, parts: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inline(item, parts) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inline(parts[node["$ref"].rpartition("/")[2]], parts)
    return {name: _inline(value, parts) for name, value in node.items()}
