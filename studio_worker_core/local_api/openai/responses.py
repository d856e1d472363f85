"""``/v1/responses`` in its plain text form: one answer to one input, nothing kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from studio_worker_core.local_api.errors import BadRequest
from studio_worker_core.local_api.openai.chat import (
    ChatRequest,
    Message,
    chat_fields,
)
from studio_worker_core.local_api.openai.chat_answers import Said, event
from studio_worker_core.thinking import Part


class TextFormat(Struct, frozen=True):
    """``text``: the shape of what is said."""

    format: dict[str, Any] | None = None


class ResponseRequest(Struct, frozen=True, kw_only=True):
    """The body of ``/v1/responses``."""

    input: str | list[Any]
    model: str | None = None
    instructions: str | None = None
    max_output_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=100)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    stream: bool = False
    text: TextFormat = TextFormat()
    tools: list[Any] | None = None
    tool_choice: Any = None
    previous_response_id: str | None = None
    background: bool | None = None


def response_fields(request: ResponseRequest) -> dict[str, Any]:
    """The task's parameters, named as in Python. Raises :class:`BadRequest`."""
    for name in ("previous_response_id", "background"):
        if getattr(request, name):
            raise BadRequest(
                f"{name} is not served: nothing is kept here", param=name, code="unsupported"
            )
    messages = [Message("system", request.instructions)] if request.instructions else []
    if isinstance(request.input, str):
        messages.append(Message("user", request.input))
    else:
        messages += [_message(place, item) for place, item in enumerate(request.input)]
    if request.tools and request.tool_choice != "none":
        raise BadRequest(
            "tools: ask /v1/chat/completions for them", param="tools", code="unsupported"
        )
    if not messages:
        raise BadRequest("input is empty", param="input")
    return chat_fields(
        ChatRequest(
            messages=messages,
            max_tokens=request.max_output_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            response_format=_format(request.text.format),
        )
    )


def response(said: Said) -> dict[str, Any]:
    """The whole answer."""
    return _body(said, "completed" if said.finish_reason != "length" else "incomplete")


class Events:
    """The answer as a stream of the events that carry text; the reasoning is left out."""

    def __init__(self, said: Said) -> None:
        self._said = said
        self._number = -1
        self._place = {"item_id": _item(said)["id"], "output_index": 0, "content_index": 0}

    def begin(self) -> Iterator[bytes]:
        """All that comes before the text."""
        item = _item(self._said)
        begun = _body(self._said, "in_progress") | {"output": [], "usage": None}
        empty = item | {"status": "in_progress", "content": []}
        part = item["content"][0] | {"text": ""}
        yield self._numbered("response.created", response=begun)
        yield self._numbered("response.in_progress", response=begun)
        yield self._numbered("response.output_item.added", output_index=0, item=empty)
        yield self._numbered("response.content_part.added", **self._place, part=part)

    def part(self, part: Part) -> Iterator[bytes]:
        """The next piece."""
        kind, text = part
        if kind == "content":
            name = "response.output_text.delta"
            yield self._numbered(name, **self._place, delta=text, logprobs=[])

    def end(self, said: Said) -> Iterator[bytes]:
        """The whole answer, in all its parts."""
        item = _item(said)
        place, part = self._place, item["content"][0]
        yield self._numbered("response.output_text.done", **place, text=said.text, logprobs=[])
        yield self._numbered("response.content_part.done", **place, part=part)
        yield self._numbered("response.output_item.done", output_index=0, item=item)
        whole = response(said)
        yield self._numbered(f"response.{whole['status']}", response=whole)

    def close(self, usage: dict[str, int]) -> Iterator[bytes]:
        """Nothing comes after the answer, which has its usage."""
        return iter(())

    def _numbered(self, kind: str, **fields: Any) -> bytes:
        self._number += 1
        return event({"type": kind, "sequence_number": self._number, **fields}, kind)


def _message(place: int, item: Any) -> Message:
    given = item if not isinstance(item, dict) else {k: v for k, v in item.items() if v is not None}
    if isinstance(given, dict) and given.get("type", "message") != "message":
        raise BadRequest(
            f"input items of type {str(given.get('type'))[:80]!r} are not read",
            param=f"input[{place}]",
        )
    try:
        return msgspec.convert(given, Message)
    except msgspec.ValidationError:
        raise BadRequest(
            "it is no message with role and content", param=f"input[{place}]"
        ) from None


def _format(wanted: dict[str, Any] | None) -> dict[str, Any] | None:
    if wanted is not None and wanted.get("type") == "json_schema":
        return {"type": "json_schema", "json_schema": wanted}
    return wanted


def _item(said: Said) -> dict[str, Any]:
    part = {"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}
    return {
        "id": f"msg_{said.id.removeprefix('chatcmpl-')}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


def _body(said: Said, status: str) -> dict[str, Any]:
    usage = said.usage
    return {
        "id": f"resp_{said.id.removeprefix('chatcmpl-')}",
        "object": "response",
        "created_at": said.created,
        "model": said.model,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": False,
        "tool_choice": "none",
        "tools": [],
        "temperature": None,
        "top_p": None,
        "output": [_item(said)],
        "usage": {
            "input_tokens": usage["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": usage["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage["total_tokens"],
        },
    }
