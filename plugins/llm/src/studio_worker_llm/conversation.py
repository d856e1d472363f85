"""A task as the request that llama.cpp reads, in the shape of OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studio_worker_core.plugin import CliDefaults, InvalidTask, LlmTask
from studio_worker_core.seeds import folded_seed
from studio_worker_llm.options import LlamaCppOptions

_ROLES = ("system", "user", "assistant", "tool")
_SEED_BITS = 32
_DEEPEST_SCHEMA = 64
_NO_REASONING = ("none", "off", "false", "disabled", "no")
_SOME_REASONING = ("on", "true", "auto", "enabled", "yes")
_EFFORTS = ("minimal", "low", "medium", "high")


def request_of(
    task: LlmTask,
    options: LlamaCppOptions,
    defaults: CliDefaults,
    *,
    seed: int,
    pictures: Sequence[str] = (),
) -> dict[str, Any]:
    """The request of a task.

    :param seed: the one that counts, 0 to 2⁶⁴-1.
    :param pictures: ``data:`` URLs, which go with the last turn of the user's.

    Raises:
        InvalidTask: there is nothing to answer, or a parameter that cannot be served.
    """
    request: dict[str, Any] = {
        "messages": _messages(task, pictures),
        "max_tokens": task.max_tokens,
        "temperature": task.temperature,
        "seed": native_seed(seed),
        # Tokens that are in the cache were computed in other portions, which rounds otherwise:
        # who asks for a seed gets the answer that an empty cache gives.
        "cache_prompt": options.seed is None,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        "chat_template_kwargs": _template_arguments(task, defaults),
        **_sampling(options),
        **_form(task, options),
    }
    if task.top_p is not None:
        request["top_p"] = task.top_p
    stops = [task.stop] if isinstance(task.stop, str) else task.stop or []
    if stops := [each for each in stops if each]:
        request["stop"] = stops
    return request


def native_seed(seed: int) -> int:
    """A seed as llama.cpp takes it: 32 bits, of which the largest asks for a drawn one."""
    return folded_seed(seed, _SEED_BITS) % ((1 << _SEED_BITS) - 1)


def _messages(task: LlmTask, pictures: Sequence[str]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    for place, message in enumerate(task.messages):
        role = "system" if message.role == "developer" else message.role
        if role not in _ROLES:
            raise InvalidTask(
                f"messages[{place}].role {message.role[:64]!r} is none of {', '.join(_ROLES)}"
            )
        turns.append({"role": role, "content": message.content})
    if not turns:
        raise InvalidTask("there are no messages to answer")
    if task.system:
        _put_first(turns, task.system)
    if pictures:
        _attach(turns, pictures)
    return turns


def _put_first(turns: list[dict[str, Any]], system: str) -> None:
    # Many templates take one system message, at the beginning.
    if turns[0]["role"] == "system":
        system = f"{system}\n\n{turns[0]['content']}"
        del turns[0]
    turns.insert(0, {"role": "system", "content": system})


def _attach(turns: Sequence[dict[str, Any]], pictures: Sequence[str]) -> None:
    for turn in reversed(turns):
        if turn["role"] == "user":
            shown = [{"type": "image_url", "image_url": {"url": each}} for each in pictures]
            turn["content"] = [*shown, {"type": "text", "text": turn["content"]}]
            return
    raise InvalidTask("images: there is no message of the user's that they could go with")


def _template_arguments(task: LlmTask, defaults: CliDefaults) -> dict[str, Any]:
    return {
        **(defaults.chat_template_kwargs or {}),
        **_reasoning(task.reasoning),
        **(task.chat_template_kwargs or {}),
    }


def _reasoning(wanted: Any) -> Mapping[str, Any]:
    """What the words of ``reasoning`` mean to templates; there is no standard beyond these."""
    if wanted is None:
        return {}
    word = str(wanted).strip().lower() if isinstance(wanted, str | bool) else ""
    if word in _NO_REASONING:
        return {"enable_thinking": False}
    if word in _SOME_REASONING:
        return {"enable_thinking": True}
    if word in _EFFORTS:
        return {"enable_thinking": True, "reasoning_effort": word}
    raise InvalidTask(f"reasoning {str(wanted)[:40]!r} is none of none, on, {', '.join(_EFFORTS)}")


def _sampling(options: LlamaCppOptions) -> dict[str, Any]:
    given = {
        "top_k": options.top_k,
        "min_p": options.min_p,
        "repeat_penalty": options.repeat_penalty,
        "presence_penalty": options.presence_penalty,
        "frequency_penalty": options.frequency_penalty,
    }
    return {name: value for name, value in given.items() if value is not None}


def _form(task: LlmTask, options: LlamaCppOptions) -> dict[str, Any]:
    """The form that an answer has to have."""
    schema, grammar = task.json_schema, options.grammar.strip()
    if schema is None:
        return {"grammar": grammar} if grammar else {}
    if grammar:
        raise InvalidTask("jsonSchema and options.grammar both say what form the answer has")
    if not isinstance(schema, dict):
        raise InvalidTask(f"jsonSchema is no schema but {str(schema)[:40]!r}")
    if _is_deeper(schema, _DEEPEST_SCHEMA):
        raise InvalidTask(f"jsonSchema is nested more than {_DEEPEST_SCHEMA} deep")
    return {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}


def _is_deeper(value: Any, most: int) -> bool:
    """Whether lists and mappings lie more than ``most`` inside each other. A step a part."""
    left = [(value, 0)]
    while left:
        part, depth = left.pop()
        if depth > most:
            return True
        inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        left.extend((each, depth + 1) for each in inner)
    return False
