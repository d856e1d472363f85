"""The OpenAPI document, made from the table of endpoints and their structs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from studio_worker_studio import __version__
from studio_worker_studio.messages import ErrorBody
from studio_worker_studio.routes.endpoint import API_PREFIX, Endpoint

_REF = "#/components/schemas/{name}"


def openapi_document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """OpenAPI 3.1 of these endpoints."""
    table = list(endpoints)
    types = [t for e in table for t in (e.body, e.answer) if t is not None] + [ErrorBody]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    schema_of = {str(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in table:
        path = API_PREFIX + endpoint.path.replace(":path}", "}")
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "studio-worker studio", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                name: {"type": "http", "scheme": "bearer", "description": text}
                for name, text in (
                    ("operator", "The operator token, kept in the studio's data directory"),
                    ("worker", "The auth token a worker got with its approval"),
                    ("registrant", "The registration secret whose hash was sent when asking"),
                )
            },
        },
    }


def _operation(endpoint: Endpoint, schema_of: dict[str, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "success"}
    if endpoint.answer is not None:
        success["content"] = _json(schema_of[str(endpoint.answer)])
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "responses": {
            str(endpoint.status): success,
            "default": {"description": "error", "content": _json(schema_of[str(ErrorBody)])},
        },
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)(?::path)?}", endpoint.path)
    ] + [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
        for name in endpoint.query
    ]
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        operation["requestBody"] = {"content": _json(schema_of[str(endpoint.body)])}
    if endpoint.access != "public":
        operation["security"] = [{endpoint.access: []}]
    return operation


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
