"""Answers put together from events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from studio_worker_core.errors import EngineFailed, InvalidTask
from studio_worker_core.thinking import split
from studio_worker_llm.answering import Answer


def delta(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "finish_reason": None, "delta": fields}]}


def finish(reason: str = "stop") -> dict[str, Any]:
    return {"choices": [{"index": 0, "finish_reason": reason, "delta": {}}]}


def usage(given: int, made: int, cached: int = 0) -> dict[str, Any]:
    details = {"cached_tokens": cached}
    counts = {"prompt_tokens": given, "completion_tokens": made, "prompt_tokens_details": details}
    return {"choices": [], "usage": counts}


def taken(*events: Mapping[str, Any], is_json: bool = False) -> tuple[str, dict[str, Any]]:
    answer = Answer("m", 10)
    said = "".join(answer.take(event) for event in events)
    return said, answer.whole(is_json=is_json)


def test_what_is_emitted_is_the_answer() -> None:
    said, whole = taken(
        delta(role="assistant", content=None),
        delta(content=" Hello"),
        delta(content="!"),
        finish(),
        usage(20, 2, 5),
    )
    assert said == " Hello!"
    assert whole == {
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": " Hello!"},
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 20,
            "completion_tokens": 2,
            "total_tokens": 22,
            "prompt_tokens_details": {"cached_tokens": 5},
        },
    }


def test_reasoning_is_emitted_in_its_block_and_kept_apart() -> None:
    said, whole = taken(
        delta(reasoning_content="Let me"),
        delta(reasoning_content=" think."),
        delta(content="\n"),
        delta(content="\nYes"),
        delta(content="."),
        finish(),
    )
    assert said == "<think>Let me think.</think>\n\nYes."
    message = whole["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("Let me think.", "Yes.")
    assert split(said) == (message["reasoning_content"], message["content"])


def test_reasoning_that_is_cut_has_no_content() -> None:
    said, whole = taken(delta(reasoning_content="Hm"), finish("length"))
    assert said == "<think>Hm"
    assert whole["choices"][0]["message"]["content"] == ""
    assert whole["choices"][0]["finish_reason"] == "length"


def test_progress_follows_the_prompt_and_the_tokens_and_never_falls() -> None:
    answer, told = Answer("m", 4), []
    read = [{"prompt_progress": {"total": 100, "processed": count}} for count in (0, 50, 100, 20)]
    for event in (*read, *[delta(content="a")] * 5):
        answer.take(event)
        told.append(answer.fraction)
    assert told[:4] == [0, 0.05, 0.1, 0.1]
    assert told == sorted(told)
    assert told[-1] == 1


def test_a_conversation_longer_than_the_context_is_told_with_both_numbers() -> None:
    error = {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 900, "n_ctx": 512}
    with pytest.raises(InvalidTask, match=r"has 900 tokens and the context .* 512; shorten it"):
        taken({"error": error})


def test_an_error_is_the_requests_or_the_engines() -> None:
    with pytest.raises(InvalidTask, match="refuses it: failed to parse grammar"):
        taken({"error": {"code": 400, "message": "failed to parse grammar"}})
    for error in ({"code": 500, "message": "no slot"}, "no slot"):
        with pytest.raises(EngineFailed, match="failed: no slot"):
            taken({"error": error})


def test_an_answer_that_never_ended_is_none() -> None:
    with pytest.raises(EngineFailed, match="without saying why"):
        taken(delta(content="Hello"))


def test_an_answer_that_had_to_be_json_is_looked_at_unless_it_was_cut() -> None:
    assert taken(delta(content='{"a": 1}'), finish(), is_json=True)
    assert taken(delta(content='{"a": '), finish("length"), is_json=True)
    with pytest.raises(EngineFailed, match="no JSON, though a schema was given: 'a: 1'"):
        taken(delta(content="a: 1"), finish(), is_json=True)
