"""Tools of a chat: what a request offers, and what a model called."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from studio_worker_core.local_api.errors import BadRequest
from studio_worker_core.local_api.work import Served

_CHOICES = ("none", "auto", "required")
_WORDS = {"tools": "calls no tools", "top_logprobs": "gives no logprobs"}
_ABILITIES = {"tools": "tools", "top_logprobs": "logprobs"}


def tool_fields(tools: Sequence[Any] | None, choice: Any) -> dict[str, Any]:
    """The task's parameters about tools; none where no tool may be called. Raises
    :class:`BadRequest`."""
    names = [_name_of(tool, place) for place, tool in enumerate(tools or ())]
    if not names or choice == "none":
        return {}
    match choice:
        case None | "auto" | "required":
            pass
        case {"type": "function", "function": {"name": name}}:
            if name not in names:
                raise BadRequest(
                    f"tool_choice names {str(name)[:80]!r}, which is none of the tools",
                    param="tool_choice",
                )
        case _:
            raise BadRequest(
                f"tool_choice must be {', '.join(_CHOICES)} or name a function",
                param="tool_choice",
            )
    return {"tools": list(tools or ()), "tool_choice": choice}


def _name_of(tool: Any, place: int) -> str:
    where = f"tools[{place}]"
    if not isinstance(tool, dict) or tool.get("type") != "function":
        raise BadRequest("only tools of the type function are called", param=f"{where}.type")
    function = tool.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str) or not name:
        raise BadRequest("a tool needs a function with a name", param=f"{where}.function")
    return name


def check_able(fields: Mapping[str, Any], model: Served) -> None:
    """Refuse what the engine of ``model`` says it cannot do. Raises :class:`BadRequest`."""
    for field, ability in _ABILITIES.items():
        if field in fields and ability not in model.able:
            raise BadRequest(
                f"{ability}: the engine '{model.source.engine}' {_WORDS[field]}",
                param=ability,
                code="unsupported",
            )


def calls_of(calls: Any, where: str) -> list[dict[str, Any]]:
    """Calls that came back with an assistant's turn, as engines read them. Raises
    :class:`BadRequest`."""
    read = list(_calls(calls or (), "call"))
    if len(read) != len(calls or ()):
        raise BadRequest("a tool call needs a function with a name", param=where)
    return read


def called_by(message: Mapping[str, Any], job_id: str, most: int | None) -> list[dict[str, Any]]:
    """What an engine's answer calls, in OpenAI's shape; ``most`` of them."""
    calls = message.get("tool_calls")
    return list(_calls(calls if isinstance(calls, list) else (), f"call_{job_id}"))[:most]


def _calls(calls: Sequence[Any], prefix: str) -> Iterator[dict[str, Any]]:
    for place, call in enumerate(calls):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            continue
        name = function.get("name")
        if not isinstance(name, str) or not name:
            continue
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments or {})
        given = call.get("id")
        own = given if isinstance(given, str) and given else f"{prefix}_{place}"
        yield {"id": own, "type": "function", "function": {"name": name, "arguments": arguments}}


def deltas_of(calls: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The calls as pieces of a stream: each begins with its name, its arguments follow."""
    for index, call in enumerate(calls):
        function = call["function"]
        head = call | {"index": index, "function": function | {"arguments": ""}}
        yield {"tool_calls": [head]}
        if function["arguments"]:
            rest = {"index": index, "function": {"arguments": function["arguments"]}}
            yield {"tool_calls": [rest]}
