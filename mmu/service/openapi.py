"""What the OpenAPI document says beyond the signatures of the routes."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from mmu.service import bodies

_PUBLIC = ("/healthz",)
_WHY = {
    400: "the body cannot be read",
    401: "no API key, or a wrong one",
    404: "there is nothing of this id",
    409: "not in this state",
    413: "larger than allowed",
    415: "neither JSON nor a form",
    422: "a field is missing or wrong; the message names it",
    429: "too many requests, or too many videos waiting; see Retry-After",
    503: "the store cannot be used at the moment",
    507: "no room for the upload",
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": bodies.Failure, "description": why} for status, why in _WHY.items()
}

_FORM = {
    "type": "object",
    "required": ["file"],
    "additionalProperties": False,
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "the video"},
        "title": {"type": "string", "maxLength": 2000},
        "topics": {"type": "string", "description": "hashtags, apart by spaces, commas or #"},
    },
}


def _inlined(model: type[Any]) -> dict[str, Any]:
    """The schema of a model without references."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return walk(definitions[node["$ref"].rsplit("/", 1)[-1]])
            return {key: walk(value) for key, value in node.items()}
        return [walk(one) for one in node] if isinstance(node, list) else node

    inlined: dict[str, Any] = walk(schema)
    return inlined


VIDEO_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _inlined(bodies.VideoRequest)},
            "multipart/form-data": {"schema": _FORM},
        },
    }
}
BATCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _inlined(bodies.BatchRequest)}},
    }
}


def add_security(app: FastAPI) -> None:
    """Describe the keys: every route but the public ones wants one."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            schema.setdefault("components", {})["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            }
            for path, operations in schema["paths"].items():
                if path not in _PUBLIC:
                    for operation in operations.values():
                        operation["security"] = [{"bearer": []}, {"header": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]
