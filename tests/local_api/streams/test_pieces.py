"""Streams of an engine that goes on only when the client has the piece before."""

# The client is told things that its types do not foresee.
# mypy: disable-error-code="call-overload,arg-type,union-attr,index,attr-defined"

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.local_api.streams.conftest import chat, texts
from tests.local_api.test_openai_client import opened, sound


def test_a_piece_comes_before_the_engine_goes_on(client: openai.OpenAI, tmp_path: Path) -> None:
    gates = [tmp_path / "1", tmp_path / "2"]
    asked = chat(
        ["emit", "one "],
        ["wait", str(gates[0])],
        ["emit", "two "],
        ["wait", str(gates[1])],
        ["answer", "one two three"],
    )
    chunks = list[Any]()
    heard = []
    for chunk in client.chat.completions.create(
        **asked, stream=True, stream_options={"include_usage": True}
    ):
        chunks.append(chunk)
        for text in texts([chunk]):
            heard.append(text)
            if gates:
                gates.pop(0).touch()  # the answer cannot be over before this
    assert heard == ["one ", "two ", "three"]
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.total_tokens == 7
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_plain_completion_is_streamed_as_it_is_made(
    client: openai.OpenAI, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    prompt = json.dumps([["emit", "a"], ["wait", str(gate)], ["answer", "ab"]])
    heard = []
    for chunk in client.completions.create(model="emitting-llm", prompt=prompt, stream=True):
        heard.append(chunk.choices[0].text)
        gate.touch()
    assert heard == ["a", "b", ""]


def test_a_response_is_streamed_as_it_is_made(client: openai.OpenAI, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = json.dumps([["emit", "a"], ["wait", str(gate)], ["answer", "ab"]])
    events = []
    for event in client.responses.create(model="emitting-llm", input=script, stream=True):
        events.append(event)
        if event.type == "response.output_text.delta":
            gate.touch()
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert deltas == ["a", "b"]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == "ab"


def test_a_transcript_is_streamed_as_it_is_made(client: openai.OpenAI, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = json.dumps([["emit", "a"], ["wait", str(gate)], ["answer", "a b"]])
    heard = []
    for event in client.audio.transcriptions.create(
        model="emitting-audio_stt", file=sound(), prompt=script, stream=True
    ):
        heard.append((event.type, getattr(event, "delta", None) or event.text))
        gate.touch()
    delta, done = "transcript.text.delta", "transcript.text.done"
    assert heard == [(delta, "a"), (delta, " b"), (done, "a b")]


def test_reasoning_is_told_apart_while_it_is_streamed(
    client: openai.OpenAI, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    steps = [["emit", "<thi"], ["emit", "nk>why"], ["wait", str(gate)], ["emit", "</think>\nso"]]
    asked = chat(*steps, ["answer", "<think>why</think>\nso"])
    thoughts: list[str] = []
    said: list[str] = []
    for chunk in client.chat.completions.create(**asked, stream=True):
        thoughts += texts([chunk], "reasoning_content")
        said += texts([chunk])
        if thoughts:
            gate.touch()
    assert (thoughts, "".join(said)) == (["why"], "so")
    whole = client.chat.completions.create(**chat(["answer", "<think>why</think>\nso"]))
    assert whole.choices[0].message.content == "so"
    assert whole.choices[0].message.reasoning_content == "why"


def test_a_stop_text_never_leaks_however_it_is_cut(client: openai.OpenAI) -> None:
    pieces = [["emit", piece] for piece in ("tell E", "N", "DE", " and EN", "D too")]
    asked = {**chat(*pieces, ["answer", "tell ENDE and END too"]), "stop": ["END"]}
    assert "".join(texts(client.chat.completions.create(**asked, stream=True))) == "tell "
    whole = client.chat.completions.create(**asked)
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("tell ", "stop")


def test_what_only_began_like_a_stop_text_is_told(client: openai.OpenAI) -> None:
    asked = {**chat(["emit", "the EN"], ["answer", "the EN"]), "stop": "END"}
    assert "".join(texts(client.chat.completions.create(**asked, stream=True))) == "the EN"


@pytest.mark.parametrize("stream", [False, True])
def test_several_answers_are_choices_of_one(client: openai.OpenAI, stream: bool) -> None:
    asked = {**chat(["emit", "one "], ["answer", "one two"]), "n": 3}
    if not stream:
        whole = client.chat.completions.create(**asked)
        assert [(c.index, c.message.content) for c in whole.choices] == [
            (number, "one two") for number in range(3)
        ]
        assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (9, 12)
        return
    told = ["", "", ""]
    ends = []
    with_usage = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(client.chat.completions.create(**asked, **with_usage))
    for chunk in chunks[:-1]:
        (choice,) = chunk.choices
        told[choice.index] += choice.delta.content or ""
        ends += [choice.index] if choice.finish_reason == "stop" else []
    assert told == ["one two"] * 3
    assert ends == [0, 1, 2]
    assert (chunks[-1].choices, chunks[-1].usage.total_tokens) == ([], 21)
    assert len({chunk.id for chunk in chunks}) == 1


def test_several_completions_are_choices_of_one(client: openai.OpenAI) -> None:
    asked = {"model": "emitting-llm", "prompt": json.dumps([["answer", "x"]]), "n": 2}
    whole = client.completions.create(**asked)
    assert [(choice.index, choice.text) for choice in whole.choices] == [(0, "x"), (1, "x")]
    parts = list(client.completions.create(**asked, stream=True))
    assert [(p.choices[0].index, p.choices[0].text) for p in parts if p.choices[0].text] == [
        (0, "x"),
        (1, "x"),
    ]


def test_a_picture_is_seen_in_the_making(client: openai.OpenAI, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    steps = [["preview", "red"], ["wait", str(gate)], ["progress", 0.6], ["preview", "blue"]]
    shown = []
    for event in client.images.generate(
        model="emitting-image",
        prompt=json.dumps([*steps, ["preview", "green"]]),
        size="64x64",
        stream=True,
        partial_images=2,
    ):
        shown.append((event.type, opened(base64.b64decode(event.b64_json)).size))
        gate.touch()
    partial, whole = "image_generation.partial_image", "image_generation.completed"
    assert shown == [(partial, (40, 30)), (partial, (40, 30)), (whole, (64, 64))]
