"""What comes back from a chat: the answer whole, or as the chunks of a stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from studio_worker_core.local_api.openai.tools import called_by, deltas_of
from studio_worker_core.thinking import Part, split

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
    calls: tuple[dict[str, Any], ...] = ()
    """The tools it calls, in OpenAI's shape."""
    logprobs: dict[str, Any] | None = None


class Asked(Struct, frozen=True):
    """What a request wants of an answer beside its text."""

    logprobs: bool = False
    most_calls: int | None = None
    """Tools that may be called in one answer; None for any number."""


TEXT = Asked()


def said_by(
    answer: Mapping[str, Any], *, job_id: str, model: str, created: int, asked: Asked = TEXT
) -> Said:
    """The one choice of an engine's answer; what it leaves out is filled in, what nobody asked
    for is left out."""
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else {}
    message = choice.get("message") if isinstance(choice, dict) else None
    message = message if isinstance(message, dict) else {}
    usage = answer.get("usage")
    counted = usage if isinstance(usage, dict) else {}
    given, made = _count(counted, "prompt_tokens"), _count(counted, "completion_tokens")
    reasoning = message.get("reasoning_content")
    finish = choice.get("finish_reason") if isinstance(choice, dict) else None
    text = str(message.get("content") or "")
    calls = called_by(message, job_id, asked.most_calls)
    if not reasoning:
        reasoning, text = split(text)
    return Said(
        id=f"chatcmpl-{job_id}",
        created=created,
        model=model,
        text=text,
        finish_reason=_finish(finish, calls),
        usage={"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made},
        reasoning=reasoning if isinstance(reasoning, str) and reasoning else None,
        calls=tuple(calls),
        logprobs=_logprobs(choice) if asked.logprobs else None,
    )


def _finish(finish: Any, calls: Sequence[Any]) -> str:
    """Why it ended: with calls that is why, unless it was cut."""
    if calls and finish != "length":
        return "tool_calls"
    return str(finish or "stop")


def _logprobs(choice: Mapping[str, Any]) -> dict[str, Any]:
    given = choice.get("logprobs")
    content = given.get("content") if isinstance(given, dict) else None
    tokens = [each for each in content or () if isinstance(each, dict) and "token" in each]
    return {"content": [_token(each) for each in tokens], "refusal": None}


def _token(given: Mapping[str, Any]) -> dict[str, Any]:
    text = str(given["token"])
    others = given.get("top_logprobs")
    return {
        "token": text,
        "logprob": given.get("logprob"),
        "bytes": given.get("bytes", list(text.encode("utf-8", "replace"))),
        "top_logprobs": [
            {key: value for key, value in _token(each).items() if key != "top_logprobs"}
            for each in others or ()
            if isinstance(each, dict) and "token" in each
        ],
    }


def completion(answers: Sequence[Said]) -> dict[str, Any]:
    """The whole answer: ``chat.completion``, a choice for each of ``answers``."""
    choices = []
    for index, said in enumerate(answers):
        content = said.text if said.text or not said.calls else None
        message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
        if said.calls:
            message["tool_calls"] = list(said.calls)
        if said.reasoning is not None:
            message["reasoning_content"] = said.reasoning
        finish = said.finish_reason
        choices.append(
            {
                "index": index,
                "message": message,
                "logprobs": said.logprobs,
                "finish_reason": finish,
            }
        )
    usage = usage_of(answers)
    return _head(answers[0], "chat.completion") | {"choices": choices, "usage": usage}


def usage_of(answers: Iterable[Said]) -> dict[str, int]:
    """The tokens of several answers together."""
    total: Counter[str] = Counter()
    for said in answers:
        total.update(said.usage)
    return dict(total)


class Chunks:
    """An answer as a stream: ``chat.completion.chunk`` events.

    :param index: which of several answers it is.
    """

    def __init__(self, said: Said, *, with_usage: bool, index: int = 0) -> None:
        self._head = _head(said, "chat.completion.chunk")
        self._with_usage = with_usage
        self._index = index

    def begin(self) -> Iterator[bytes]:
        """The role."""
        yield self._chunk({"role": "assistant", "content": ""})

    def part(self, part: Part) -> Iterator[bytes]:
        """The next piece, of the reasoning or the content."""
        kind, text = part
        yield self._chunk({"reasoning_content" if kind == "reasoning" else "content": text})

    def end(self, said: Said) -> Iterator[bytes]:
        """What it calls, how likely its tokens were, and why it ends."""
        for delta in deltas_of(said.calls):
            yield self._chunk(delta)
        if said.logprobs is not None:
            yield self._chunk({"content": ""}, logprobs=said.logprobs)
        yield self._chunk({}, said.finish_reason)

    def close(self, usage: dict[str, int]) -> Iterator[bytes]:
        """What all took where the client asked for that, and the end mark."""
        if self._with_usage:
            yield event(self._head | {"choices": [], "usage": usage})
        yield DONE

    def _chunk(
        self,
        delta: dict[str, Any],
        finish: str | None = None,
        logprobs: dict[str, Any] | None = None,
    ) -> bytes:
        choice = {
            "index": self._index,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": finish,
        }
        extra = {"usage": None} if self._with_usage else {}
        return event(self._head | {"choices": [choice]} | extra)


def text_completion(answers: Sequence[Said]) -> dict[str, Any]:
    """The whole answer of ``/v1/completions``, a choice for each of ``answers``."""
    choices = [
        {"index": index, "text": said.text, "logprobs": None, "finish_reason": said.finish_reason}
        for index, said in enumerate(answers)
    ]
    usage = usage_of(answers)
    return _head(answers[0], "text_completion") | {"choices": choices, "usage": usage}


class TextChunks:
    """An answer of ``/v1/completions`` as a stream; it has no place for reasoning.

    :param index: which of several answers it is.
    """

    def __init__(self, said: Said, *, with_usage: bool, index: int = 0) -> None:
        self._head = _head(said, "text_completion")
        self._with_usage = with_usage
        self._index = index

    def begin(self) -> Iterator[bytes]:
        """Nothing comes before the text."""
        return iter(())

    def part(self, part: Part) -> Iterator[bytes]:
        """The next piece."""
        kind, text = part
        if kind == "content":
            yield self._chunk(text, None)

    def end(self, said: Said) -> Iterator[bytes]:
        """Why it ends."""
        yield self._chunk("", said.finish_reason)

    def close(self, usage: dict[str, int]) -> Iterator[bytes]:
        """What all took where the client asked for that, and the end mark."""
        if self._with_usage:
            yield event(self._head | {"choices": [], "usage": usage})
        yield DONE

    def _chunk(self, text: str, finish: str | None) -> bytes:
        choice = {"index": self._index, "text": text, "logprobs": None, "finish_reason": finish}
        return event(self._head | {"choices": [choice]})


def event(data: Any, name: str | None = None) -> bytes:
    """One server-sent event."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + msgspec.json.encode(data) + b"\n\n"


def _head(said: Said, kind: str) -> dict[str, Any]:
    return {"id": said.id, "object": kind, "created": said.created, "model": said.model}


def _count(usage: Mapping[str, Any], name: str) -> int:
    count = usage.get(name)
    return count if isinstance(count, int) and count >= 0 else 0
