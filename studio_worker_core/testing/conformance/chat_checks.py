"""Checks of what an engine says it does in chats beside answering in text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from studio_worker_core.testing.conformance.verdicts import NotChecked, NotMet
from studio_worker_core.testing.conformance.workshop import Workshop
from studio_worker_core.wire.tasks import ChatMessage, LlmTask, TaskKind

__all__ = ["chats"]

_TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a town.",
        "parameters": {
            "type": "object",
            "properties": {"town": {"type": "string"}},
            "required": ["town"],
        },
    },
}


def chats(shop: Workshop, kind: TaskKind) -> str:
    """It calls tools and gives log probabilities in chats where it says so."""
    spec = shop.subject.entry.spec
    said = tuple(spec.chat) if spec is not None else ()
    if not said:
        raise NotChecked("it answers in text alone")
    task = shop.task(kind)
    assert isinstance(task, LlmTask)
    found = []
    if "tools" in said:
        found.append(_calls(shop, task))
    if "logprobs" in said:
        found.append(_logprobs(shop, task))
    return ", ".join(found)


def _calls(shop: Workshop, task: LlmTask) -> str:
    question = [ChatMessage("user", "What is the weather in Rome? Use the tool.")]
    choice = _choice_of(shop, replace(task, messages=question, tools=[_TOOL], tool_choice="auto"))
    calls = choice["message"].get("tool_calls") or ()
    for call in calls:
        function = call["function"]
        if function["name"] != "weather":
            raise NotMet(f"it called {function['name']!r}, which was not offered")
        if choice.get("finish_reason") != "length" and not _is_object(function.get("arguments")):
            raise NotMet("it called a tool with arguments that are no JSON object")
    return f"{len(calls)} calls" if calls else "called nothing"


def _is_object(arguments: Any) -> bool:
    if not isinstance(arguments, str):
        return isinstance(arguments, dict)
    try:
        return isinstance(json.loads(arguments), dict)
    except ValueError:
        return False


def _logprobs(shop: Workshop, task: LlmTask) -> str:
    choice = _choice_of(shop, replace(task, top_logprobs=1))
    tokens = (choice.get("logprobs") or {}).get("content")
    if not tokens:
        raise NotMet("it gave no logprobs.content, though topLogprobs asked for it")
    for token in tokens:
        if token["logprob"] > 0:
            raise NotMet(f"the token {token['token'][:40]!r} has a log probability above 0")
    return f"{len(tokens)} tokens with their log probability"


def _choice_of(shop: Workshop, task: LlmTask) -> Mapping[str, Any]:
    answer: Any = shop.fresh_product(task).answer
    choice: Mapping[str, Any] = answer["choices"][0]
    return choice
