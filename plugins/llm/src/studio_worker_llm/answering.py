"""An answer put together from the events that llama.cpp streams."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from studio_worker_core.plugin import EngineFailed, InvalidTask

_OPEN, _CLOSE = "<think>", "</think>\n\n"
_CLIENT_ERROR = 500
"""An error with a smaller code is the request's."""
_READ = 0.1
"""Share of the job that reading the prompt is."""


class Answer:
    """One answer while it is made.

    :param model: its name, for the answer.
    :param max_tokens: tokens it may have.
    """

    def __init__(self, model: str, max_tokens: int) -> None:
        self._model = model
        self._max_tokens = max_tokens
        self._reasoning: list[str] = []
        self._content: list[str] = []
        self._pieces = 0
        self._finish: str | None = None
        self._usage: dict[str, Any] | None = None
        self.fraction = 0.0
        """How far the job is, 0 to 1."""

    def take(self, event: Mapping[str, Any]) -> str:
        """Take the next event; answers the text that is new, as :meth:`Job.emit` wants it.

        Raises:
            InvalidTask: llama.cpp refuses the request.
            EngineFailed: it failed.
        """
        if "error" in event:
            raise _error(event["error"])
        if isinstance(event.get("usage"), dict):
            self._usage = _counted(event["usage"])
        read = event.get("prompt_progress")
        if isinstance(read, dict) and read.get("total"):
            self._be_at(_READ * read.get("processed", 0) / read["total"])
        new = ""
        for choice in event.get("choices") or ():
            self._finish = choice.get("finish_reason") or self._finish
            new += self._said(choice.get("delta") or {})
        return new

    def whole(self, *, is_json: bool) -> dict[str, Any]:
        """The answer in the shape of OpenAI's ``chat.completion``.

        :param is_json: whether it had to be JSON, which is looked at unless it was cut.

        Raises:
            EngineFailed: it never came to its end, or is no JSON though it had to be.
        """
        if self._finish is None:
            raise EngineFailed("llama.cpp ended the answer without saying why")
        content = "".join(self._content)
        if is_json and self._finish != "length":
            try:
                json.loads(content)
            except ValueError:
                raise EngineFailed(
                    f"the answer is no JSON, though a schema was given: {content[:200]!r}"
                ) from None
        message = {"role": "assistant", "content": content}
        if self._reasoning:
            message["reasoning_content"] = "".join(self._reasoning)
        return {
            "object": "chat.completion",
            "model": self._model,
            "choices": [{"index": 0, "message": message, "finish_reason": self._finish}],
            "usage": self._usage or _counted({}),
        }

    def _said(self, delta: Mapping[str, Any]) -> str:
        new = ""
        if thought := delta.get("reasoning_content"):
            new += thought if self._reasoning else _OPEN + thought
            self._reasoning.append(thought)
        if said := delta.get("content"):
            if self._reasoning and not self._content:
                said = said.lstrip()  # blanks between the two belong to neither
                new += _CLOSE if said else ""
            if said:
                self._content.append(said)
                new += said
        if new:
            self._pieces += 1
            self._be_at(_READ + (1 - _READ) * self._pieces / self._max_tokens)
        return new

    def _be_at(self, fraction: float) -> None:
        self.fraction = min(max(self.fraction, fraction), 1.0)


def _error(error: Any) -> InvalidTask | EngineFailed:
    facts = error if isinstance(error, dict) else {"message": str(error)}
    if facts.get("type") == "exceed_context_size_error":
        return InvalidTask(
            f"the conversation has {facts.get('n_prompt_tokens')} tokens and the context of the "
            f"model as it is loaded {facts.get('n_ctx')}; shorten it, or raise contextSize of the "
            "model source"
        )
    message = str(facts.get("message") or "no reason given")[:1000]
    code = facts.get("code")
    if isinstance(code, int) and code < _CLIENT_ERROR:
        return InvalidTask(f"llama.cpp refuses it: {message}")
    return EngineFailed(f"llama.cpp failed: {message}")


def _counted(usage: Mapping[str, Any]) -> dict[str, Any]:
    given, made = int(usage.get("prompt_tokens", 0)), int(usage.get("completion_tokens", 0))
    details = usage.get("prompt_tokens_details") or {}
    return {
        "prompt_tokens": given,
        "completion_tokens": made,
        "total_tokens": given + made,
        "prompt_tokens_details": {"cached_tokens": int(details.get("cached_tokens", 0))},
    }
