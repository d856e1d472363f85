"""Streams of an engine that goes on only when the client has the piece before."""

# The client is told things that its types do not foresee.
# mypy: disable-error-code="call-overload,arg-type,union-attr,index,attr-defined"

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import requests

from studio_worker_core.jobs.job import StopReason
from studio_worker_core.local_api.api import Names
from studio_worker_core.roster.roster import Roster
from tests.local_api.served_here import TOKEN, ServedHere
from tests.local_api.test_openai_client import opened, sound
from tests.support.emitting_engine import emitting_entry
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHere]:
    root = tmp_path_factory.mktemp("api")
    with ServedHere(root, Names(), roster=Roster([emitting_entry()])) as served:
        yield served


@pytest.fixture
def client(here: ServedHere) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{here.url}/v1", api_key=TOKEN, max_retries=0, timeout=120
    ) as client:
        yield client


def chat(*steps: list[Any]) -> dict[str, Any]:
    return {"model": "emitting-llm", "messages": [{"role": "user", "content": json.dumps(steps)}]}


def texts(chunks: Any, name: str = "content") -> Iterator[str]:
    for chunk in chunks:
        if chunk.choices and (text := getattr(chunk.choices[0].delta, name, None)):
            yield text


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


def test_a_client_that_leaves_in_the_middle_ends_the_job(
    client: openai.OpenAI, here: ServedHere, tmp_path: Path
) -> None:
    stopped = len(here.watcher.stopped)
    asked = chat(["emit", "one"], ["wait", str(tmp_path / "never")])
    stream = client.chat.completions.create(**asked, stream=True)
    assert next(texts(stream)) == "one"
    stream.close()
    eventually("the job is stopped", lambda: len(here.watcher.stopped) > stopped)
    assert here.watcher.stopped[-1] is StopReason.CANCELLED
    assert here.slots.wait_idle(60)


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


def test_a_client_that_leaves_in_a_further_answer_ends_its_job(
    client: openai.OpenAI, here: ServedHere, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    stopped, begun = len(here.watcher.stopped), len(here.watcher.started_jobs)
    asked = {**chat(["emit", "one"], ["take", str(gate)], ["answer", "one"]), "n": 2}
    stream = client.chat.completions.create(**asked, stream=True)
    heard = texts(stream)
    assert next(heard) == "one"
    gate.touch()  # for the first of the two
    assert next(heard) == "one"
    assert len(here.watcher.started_jobs) == begun + 2
    stream.close()
    eventually("it is stopped", lambda: len(here.watcher.stopped) > stopped)
    assert here.watcher.stopped[-1] is StopReason.CANCELLED
    assert here.slots.wait_idle(60)


def test_a_failure_in_the_middle_is_raised_by_the_client(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        **chat(["emit", "one"], ["fail", "out of luck"]), stream=True
    )
    heard: list[str] = []
    with pytest.raises(openai.APIError, match="out of luck"):
        heard += texts(stream)


@pytest.fixture
def impatient(here: ServedHere) -> Iterator[None]:
    here.api.patience, before = 0.02, here.api.patience
    yield
    here.api.patience = before


@pytest.mark.usefixtures("impatient")
def test_a_client_hears_that_nothing_is_there_yet_and_its_library_passes_over_it(
    client: openai.OpenAI, here: ServedHere, tmp_path: Path
) -> None:
    gates = [tmp_path / "1", tmp_path / "2"]
    steps = (["wait", str(gates[0])], ["emit", "one "], ["wait", str(gates[1])])
    asked = chat(*steps, ["answer", "one two"])
    signed = {"authorization": f"Bearer {TOKEN}"}
    url = f"{here.url}/v1/chat/completions"
    body = {**asked, "stream": True}
    with requests.post(url, json=body, headers=signed, stream=True, timeout=120) as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines()
        assert any(line.startswith(b":") for line in lines), "before the first piece"
        gates[0].touch()
        assert any(b"one" in line for line in lines)
        assert any(line.startswith(b":") for line in lines), "between pieces"
        gates[1].touch()
        assert list(lines)[-2] == b"data: [DONE]"
    for gate in gates:
        gate.unlink()
    stream = client.chat.completions.create(**asked, stream=True)
    for gate in gates:
        gate.touch()
    assert "".join(texts(stream)) == "one two"


@pytest.mark.usefixtures("impatient")
def test_a_failure_after_such_a_wait_is_the_last_event(
    client: openai.OpenAI, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    stream = client.chat.completions.create(
        **chat(["wait", str(gate)], ["fail", "out of luck"]), stream=True
    )
    gate.touch()
    with pytest.raises(openai.APIError, match="out of luck"):
        list(stream)


@pytest.mark.usefixtures("impatient")
def test_a_client_that_leaves_while_nothing_comes_ends_the_job(
    client: openai.OpenAI, here: ServedHere, tmp_path: Path
) -> None:
    stopped = len(here.watcher.stopped)
    client.chat.completions.create(**chat(["wait", str(tmp_path / "never")]), stream=True).close()
    eventually("the job is stopped", lambda: len(here.watcher.stopped) > stopped)
    assert here.slots.wait_idle(60)


def test_a_failure_before_the_first_piece_has_its_status(client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError, match="out of luck"):
        client.chat.completions.create(**chat(["fail", "out of luck"]), stream=True)


def test_a_deadline_in_the_middle_ends_the_job(
    client: openai.OpenAI, here: ServedHere, tmp_path: Path
) -> None:
    asked = chat(["emit", "one"], ["wait", str(tmp_path / "never")])
    # Long enough for the first piece or not: both are the deadline's words.
    with pytest.raises(openai.APIError, match="deadline passed"):
        list(client.chat.completions.create(**asked, stream=True, extra_body={"deadline_ms": 300}))
    assert here.slots.wait_idle(60)


def test_an_engine_that_hands_over_nothing_is_streamed_at_its_end(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(**chat(["answer", "all of it"]), stream=True)
    assert list(texts(stream)) == ["all of it"]


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
