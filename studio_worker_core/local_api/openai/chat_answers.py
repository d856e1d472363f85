"""What comes back from a chat: the answer whole, or as the chunks of a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

DONE = b"data: [DONE]\n\n"


class Said(Struct, frozen=True):
    """What a model said, read from an engine's answer in the shape of ``chat.completion``."""

    id: str
    created: int
    model: str
    text: str
    finish_reason: str
    usage: dict[str, int]
    reasoning: str | None = None


def said_by(answer: Mapping[str, Any], *, job_id: str, model: str, created: int) -> Said:
    """The one choice of an engine's answer; what it leaves out is filled in."""
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else {}
    message = choice.get("message") if isinstance(choice, dict) else None
    message = message if isinstance(message, dict) else {}
    usage = answer.get("usage")
    counted = usage if isinstance(usage, dict) else {}
    given, made = _count(counted, "prompt_tokens"), _count(counted, "completion_tokens")
    reasoning = message.get("reasoning_content")
    finish = choice.get("finish_reason") if isinstance(choice, dict) else None
    return Said(
        id=f"chatcmpl-{job_id}",
        created=created,
        model=model,
        text=str(message.get("content") or ""),
        finish_reason=str(finish or "stop"),
        usage={"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made},
        reasoning=reasoning if isinstance(reasoning, str) and reasoning else None,
    )


def completion(said: Said) -> dict[str, Any]:
    """The whole answer: ``chat.completion``."""
    message: dict[str, Any] = {"role": "assistant", "content": said.text, "refusal": None}
    if said.reasoning is not None:
        message["reasoning_content"] = said.reasoning
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": said.finish_reason,
    }
    return _head(said, "chat.completion") | {"choices": [choice], "usage": said.usage}


def chunks(said: Said, *, with_usage: bool) -> Iterator[bytes]:
    """The answer as a stream: ``chat.completion.chunk`` events and the end mark."""
    deltas: list[tuple[dict[str, Any], str | None]] = [({"role": "assistant", "content": ""}, None)]
    if said.reasoning is not None:
        deltas.append(({"reasoning_content": said.reasoning}, None))
    if said.text:
        deltas.append(({"content": said.text}, None))
    deltas.append(({}, said.finish_reason))
    head = _head(said, "chat.completion.chunk")
    extra = {"usage": None} if with_usage else {}
    for delta, finish in deltas:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        yield event(head | {"choices": [choice]} | extra)
    if with_usage:
        yield event(head | {"choices": [], "usage": said.usage})
    yield DONE


def text_completion(said: Said) -> dict[str, Any]:
    """The whole answer of ``/v1/completions``."""
    choice = {"index": 0, "text": said.text, "logprobs": None, "finish_reason": said.finish_reason}
    return _head(said, "text_completion") | {"choices": [choice], "usage": said.usage}


def text_chunks(said: Said, *, with_usage: bool) -> Iterator[bytes]:
    """The answer of ``/v1/completions`` as a stream."""
    head = _head(said, "text_completion")
    parts: list[tuple[str, str | None]] = [(said.text, None), ("", said.finish_reason)]
    for text, finish in parts:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
        yield event(head | {"choices": [choice]})
    if with_usage:
        yield event(head | {"choices": [], "usage": said.usage})
    yield DONE


def event(data: Any, name: str | None = None) -> bytes:
    """One server-sent event."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + msgspec.json.encode(data) + b"\n\n"


def _head(said: Said, kind: str) -> dict[str, Any]:
    return {"id": said.id, "object": kind, "created": said.created, "model": said.model}


def _count(usage: Mapping[str, Any], name: str) -> int:
    count = usage.get(name)
    return count if isinstance(count, int) and count >= 0 else 0
