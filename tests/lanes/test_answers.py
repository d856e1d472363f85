"""What a JSON answer has to be, and what cannot be in one."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.lanes.answers import out_of_shape, unwritable
from studio_worker_core.synthetic.words import chat_completion, transcript
from studio_worker_core.wire.tasks import TaskKind

_parts = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
_answers = st.dictionaries(st.text(), _parts, max_size=4)
_unfit = st.sampled_from(
    [math.nan, math.inf, -math.inf, b"bytes", bytearray(2), {1}, frozenset(), object(), 2**64]
)


@given(_answers)
def test_what_json_has_words_for_is_written_as_it_is(answer: dict[str, Any]) -> None:
    assert unwritable(answer) is None
    assert msgspec.json.decode(msgspec.json.encode(answer)) == answer


@given(_answers, st.lists(st.text("abc", min_size=1, max_size=3) | st.integers(0, 2)), _unfit)
def test_what_json_has_no_words_for_is_named_wherever_it_is(
    answer: dict[str, Any], way: list[str | int], value: Any
) -> None:
    place = ""
    for step in reversed(way):
        value = {step: value} if isinstance(step, str) else [0] * step + [value]
        place = (f".{step}" if isinstance(step, str) else f"[{step}]") + place
    said = unwritable(answer | {"last": value})
    assert said is not None
    assert said.startswith(f"last{place}"[:200])


def test_an_answer_that_holds_itself_is_refused() -> None:
    answer: dict[str, Any] = {}
    answer["again"] = [answer]
    assert unwritable(answer) == "it is nested too deeply"


CHAT = {"choices": [{"message": {"content": "hi"}}]}


@pytest.mark.parametrize(
    ("kind", "answer", "said"),
    [
        (TaskKind.LLM, {}, "'choices' is missing"),
        (TaskKind.LLM, {"choices": []}, "choices: expected a list of at least 1 entries"),
        (TaskKind.LLM, {"choices": [{}]}, "choices[0]: 'message' is missing"),
        (TaskKind.LLM, {"choices": [{"message": {}}]}, "choices[0].message: 'content' is missing"),
        (
            TaskKind.LLM,
            {"choices": [*CHAT["choices"], {"message": {"content": 3}}]},
            "choices[1].message.content: expected text, got a whole number",
        ),
        (TaskKind.AUDIO_STT, {}, "'text' is missing"),
        (TaskKind.AUDIO_STT, {"text": None}, "text: expected text, got nothing"),
        (
            TaskKind.AUDIO_STT,
            {"text": "", "segments": [{"start": 0, "text": ""}]},
            "segments[0]: 'end' is missing",
        ),
        (
            TaskKind.AUDIO_STT,
            {"text": "", "words": [{"start": "0", "end": 1, "word": "a"}]},
            "words[0].start: expected a number, got text",
        ),
    ],
)
def test_an_answer_of_another_shape_is_said_to_lack_something(
    kind: TaskKind, answer: dict[str, Any], said: str
) -> None:
    assert out_of_shape(kind, msgspec.json.encode(answer)) == said


@pytest.mark.parametrize(
    "message",
    [
        {"content": ""},
        {"content": "hi", "role": "assistant", "refusal": None},
        {
            "content": None,
            "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}],
        },
    ],
)
def test_an_answer_may_have_more_than_it_needs(message: dict[str, Any]) -> None:
    answer = {"choices": [{"message": message, "logprobs": None}], "usage": {"any": 1}}
    assert out_of_shape(TaskKind.LLM, msgspec.json.encode(answer)) is None


def test_the_built_in_engine_answers_in_shape() -> None:
    chat = chat_completion("m", [("user", "hi")], 9, [], None)
    heard = transcript(b"sound", 2.0, language="en", task="transcribe", words_too=True)
    assert out_of_shape(TaskKind.LLM, msgspec.json.encode(chat)) is None
    assert out_of_shape(TaskKind.AUDIO_STT, msgspec.json.encode(heard)) is None


def test_a_file_needs_no_shape() -> None:
    assert out_of_shape(TaskKind.IMAGE, b"{}") is None
