"""``/v1/chat/completions`` and ``/v1/completions``: conversations into tasks."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from studio_worker_core.local_api.errors import BadRequest
from studio_worker_core.local_api.openai.chat_answers import Asked
from studio_worker_core.local_api.openai.tools import calls_of, tool_fields
from studio_worker_core.wire.tasks import ChatMessage

_ROLES = ("system", "user", "assistant", "tool")
MOST_ANSWERS = 16
"""Answers to one request; they are made one after the other."""

_MOST_STOPS = 64
_MOST_IMAGES = 16
_DEFAULT_TOKENS = 512


class Message(Struct, frozen=True):
    """One turn as clients write it: content as text, as parts, or none."""

    role: str
    content: str | list[Any] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None


class StreamOptions(Struct, frozen=True):
    """``stream_options``."""

    include_usage: bool = False


class Sampling(Struct, frozen=True, kw_only=True):
    """What chats and plain completions have in common."""

    model: str | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=100)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    n: Annotated[int, Meta(ge=1, le=MOST_ANSWERS)] = 1
    stop: str | list[str] | None = None
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    seed: int | None = None
    """For engines that have a parameter of that name; OpenAI's own is a wish, too."""
    deadline_ms: Annotated[int, Meta(ge=1)] | None = None
    options: dict[str, Any] | None = None
    """Parameters that only the engine has; ours."""


class ChatRequest(Sampling, frozen=True, kw_only=True):
    """The body of ``/v1/chat/completions``."""

    messages: Annotated[list[Message], Meta(min_length=1, max_length=10_000)]
    max_completion_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    response_format: dict[str, Any] | None = None
    tools: list[Any] | None = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    functions: list[Any] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    logit_bias: dict[str, Any] | None = None
    audio: dict[str, Any] | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    images: Annotated[list[str], Meta(max_length=_MOST_IMAGES)] | None = None


class CompletionRequest(Sampling, frozen=True, kw_only=True):
    """The body of ``/v1/completions``: the prompt is one turn of the user's."""

    prompt: str | list[Any] = ""
    echo: bool | None = None
    suffix: str | None = None
    logprobs: int | None = None
    logit_bias: dict[str, Any] | None = None
    best_of: int | None = None


def chat_fields(request: ChatRequest) -> dict[str, Any]:
    """The task's parameters of a chat, named as in Python. Raises :class:`BadRequest`."""
    pictures: list[str] = list(request.images or [])
    turns = [_turn(place, message, pictures) for place, message in enumerate(request.messages)]
    if len(pictures) > _MOST_IMAGES:
        raise BadRequest(f"at most {_MOST_IMAGES} images in a request", param="messages")
    if request.tool_choice != "none":
        _refuse(request, "functions", why="say tools in place of it")
    if request.top_logprobs and not request.logprobs:
        raise BadRequest("top_logprobs needs logprobs to be true", param="top_logprobs")
    _refuse(request, "logit_bias", why="no engine here takes it")
    _refuse(request, "audio", why="no engine here answers in sound")
    fields = {
        **_sampling_fields(request, request.max_completion_tokens or request.max_tokens),
        "messages": turns,
        "json_schema": _schema(request.response_format),
        "chat_template_kwargs": request.chat_template_kwargs,
        "images": pictures or None,
        "top_logprobs": request.top_logprobs or 0 if request.logprobs else None,
        **tool_fields(request.tools, request.tool_choice),
    }
    return {name: value for name, value in fields.items() if value is not None}


def asked_of(request: ChatRequest) -> Asked:
    """What a chat wants of its answers beside their text."""
    most = 1 if request.parallel_tool_calls is False else None
    return Asked(logprobs=bool(request.logprobs), most_calls=most)


def completion_fields(request: CompletionRequest) -> dict[str, Any]:
    """The task's parameters of a plain completion. Raises :class:`BadRequest`."""
    prompt = request.prompt
    if isinstance(prompt, list):
        if len(prompt) != 1 or not isinstance(prompt[0], str):
            raise BadRequest("prompt must be one text", param="prompt")
        prompt = prompt[0]
    _refuse(request, "echo", "suffix", why="it is not served")
    # 0 still asks for those of the chosen tokens.
    if request.logprobs is not None:
        raise BadRequest(
            "logprobs: ask /v1/chat/completions for them", param="logprobs", code="unsupported"
        )
    _refuse(request, "logit_bias", why="no engine here takes it")
    if request.best_of not in (None, request.n):
        raise BadRequest("best_of must be n, or absent", param="best_of", code="unsupported")
    fields = {
        **_sampling_fields(request, request.max_tokens),
        "messages": [ChatMessage("user", prompt)],
    }
    return {name: value for name, value in fields.items() if value is not None}


def _refuse(request: Struct, *names: str, why: str) -> None:
    """Refuse any of these fields, where it is given and means something."""
    for name in names:
        if getattr(request, name):
            raise BadRequest(f"{name}: {why}", param=name, code="unsupported")


def _sampling_fields(request: Sampling, max_tokens: int | None) -> dict[str, Any]:
    return {
        "max_tokens": max_tokens or _DEFAULT_TOKENS,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": _stops(request.stop),
        "options": request.options,
    }


def _stops(given: str | list[str] | None) -> list[str] | None:
    stops = [given] if isinstance(given, str) else given or []
    if len(stops) > _MOST_STOPS:
        raise BadRequest(f"at most {_MOST_STOPS} stop texts", param="stop")
    return [each for each in stops if each] or None


def _turn(place: int, message: Message, pictures: list[str]) -> ChatMessage:
    role = "system" if message.role == "developer" else message.role
    if role not in _ROLES:
        known = ", ".join(_ROLES)
        raise BadRequest(
            f"role {message.role[:80]!r} is none of {known}", param=f"messages[{place}].role"
        )
    content = message.content
    if isinstance(content, list):
        where = f"messages[{place}].content"
        content = "\n".join(
            text for part in content if (text := _part(part, where, role, pictures)) is not None
        )
    calls = calls_of(message.tool_calls, f"messages[{place}].tool_calls")
    return ChatMessage(role, content or "", calls or None, message.tool_call_id)


def _part(part: Any, where: str, role: str, pictures: list[str]) -> str | None:
    if isinstance(part, str):
        return part
    kind = part.get("type") if isinstance(part, dict) else None
    match kind:
        case "text" | "input_text" | "output_text" if isinstance(part.get("text"), str):
            return str(part["text"])
        case "refusal":
            return None
        case "image_url" | "input_image" if role == "user":
            address = part.get("image_url")
            if isinstance(address, dict):
                address = address.get("url")
            if not isinstance(address, str):
                raise BadRequest("an image part needs an image_url", param=where)
            check_inline(address, where)
            pictures.append(address)
            return None
    raise BadRequest(f"content parts of type {str(kind)[:80]!r} are not read", param=where)


def check_inline(address: str, param: str) -> None:
    """Refuse an address that is not the data itself: a local request never makes the worker
    fetch one (original.md). Raises :class:`BadRequest`."""
    if address[:5].lower() != "data:":
        raise BadRequest(
            "pictures go into the request as a data: URL; addresses are not fetched", param=param
        )


def _schema(wanted: dict[str, Any] | None) -> Any:
    """The JSON schema of ``response_format``; None for plain text."""
    match (wanted or {}).get("type"):
        case None | "text":
            return None
        case "json_object":
            return {"type": "object"}
        case "json_schema":
            outer = (wanted or {}).get("json_schema")
            schema = outer.get("schema") if isinstance(outer, dict) else None
            if not isinstance(schema, dict):
                raise BadRequest(
                    "response_format needs json_schema.schema", param="response_format"
                )
            return schema
    raise BadRequest(
        "response_format must be text, json_object or json_schema", param="response_format"
    )
