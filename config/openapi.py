"""What the OpenAPI document says of every route at once: errors are problems, and nobody repeats that."""

from typing import Any

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `code` is stable; further members tell the facts of that code.",
    "required": ["type", "title", "status", "detail", "code", "requestId"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "requestId": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON Pointer of the field; empty for the whole."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
    "additionalProperties": True,
}
_REFUSED = {
    "description": "The request was refused, or failed.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_METHODS = {"get", "post", "put", "patch", "delete"}


def document_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """drf-spectacular's hook over the finished document."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    components.setdefault("responses", {})["Refused"] = _REFUSED
    for path in result["paths"].values():
        for method in _METHODS & path.keys():
            path[method]["responses"]["default"] = {"$ref": "#/components/responses/Refused"}
    return result
