"""The operator API reference, from the studio's OpenAPI document."""

from __future__ import annotations

from typing import Any

from studio_worker_studio.routes.openapi import openapi_document
from studio_worker_studio.routes.table import ENDPOINTS
from tools.reference_pages.markdown import GENERATED, table

_WHO = {
    "worker": " (with the worker's token)",
    "registrant": " (with the registration secret)",
    None: " (open to anybody)",
}

_OPENING = """# Studio API

The studio serves its OpenAPI document at `/graphics/api/openapi.json`.
This page is made from it.
Errors are `{"error": "<code>", "message": "<text>"}` with a fitting status.
Lists answer `{"items": […], "next": …}` and take `?limit=&after=`.
Give `next` as `after` for the next part.
A call needs the operator token as bearer, unless its row says otherwise.
The paths begin with `/graphics/api`.

## Calls

"""


def page() -> str:
    """The whole page."""
    document = openapi_document(ENDPOINTS)
    rows = [
        _call(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    headings = ["call", "does", "takes and answers"]
    text = GENERATED + _OPENING + table(headings, rows) + "\n## Objects\n"
    schemas = document["components"]["schemas"]
    for name in sorted(schemas):
        text += _object(name, schemas[name])
    return text


def _call(method: str, path: str, operation: dict[str, Any]) -> list[str]:
    access = next((key for each in operation.get("security", ()) for key in each), None)
    query = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"]
    status, success = next(iter(operation["responses"].items()))
    taken, answered = _content(operation.get("requestBody", {})), f"{status} {_content(success)}"
    return [
        f"`{method.upper()} {path.removeprefix('/graphics/api')}{_query(query)}`",
        operation["summary"] + _WHO.get(access, ""),
        f"{taken} → {answered}" if taken else answered,
    ]


def _query(names: list[str]) -> str:
    return "?" + "&".join(f"{name}=" for name in names) if names else ""


def _content(holder: dict[str, Any]) -> str:
    schema = holder.get("content", {}).get("application/json", {}).get("schema")
    return _shown(schema) if schema is not None else ""


def _object(name: str, schema: dict[str, Any]) -> str:
    about = schema.get("description", "").replace("``", "`")
    if "enum" in schema:
        # What a Python enum says about itself is for programmers; its values are for readers.
        return _opening(name) + "One of " + ", ".join(f"`{v}`" for v in schema["enum"]) + ".\n"
    required = set(schema.get("required", ()))
    rows = [
        [
            f"`{key}`",
            _shown(value),
            "required" if key in required else _default(value),
        ]
        for key, value in schema.get("properties", {}).items()
    ]
    text = _opening(name) + (f"{about}\n\n" if about else "")
    return text + table(["key", "type", ""], rows)


def _opening(name: str) -> str:
    title = _title(name)
    return f"\n({_anchor(title)})=\n\n### {title}\n\n"


def _title(name: str) -> str:
    """``Page_JobView_`` is what the schema calls a page of jobs."""
    inner = name.removeprefix("Page_").removesuffix("_")
    return f"Page of {inner}" if name.startswith("Page_") else name


def _anchor(title: str) -> str:
    return "api-" + title.lower().replace(" ", "-")


def _default(schema: dict[str, Any]) -> str:
    value = schema.get("default")
    return "optional" if value is None else f"default `{value}`"


def _shown(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = _title(schema["$ref"].rpartition("/")[2])
        return f"[{name}](#{_anchor(name)})"
    if "anyOf" in schema:
        choices = [_shown(each) for each in schema["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(choices))
    if "enum" in schema:
        return " / ".join(f"`{value}`" for value in schema["enum"])
    match schema.get("type"):
        case "array":
            return f"list of {_shown(schema['items'])}" if "items" in schema else "list"
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return f"map of {_shown(schema['additionalProperties'])}"
        case None:
            return "any JSON"
        case str(kind):
            return kind
        case other:
            return str(other)
