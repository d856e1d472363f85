"""Streams that end early, or have nothing to say for a while."""

# The client is told things that its types do not foresee.
# mypy: disable-error-code="call-overload,arg-type,union-attr,index,attr-defined"

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
import requests

from studio_worker_core.jobs.job import StopReason
from tests.local_api.served_here import TOKEN, ServedHere
from tests.local_api.streams.conftest import chat, texts
from tests.support.waiting import eventually


@pytest.fixture
def impatient(here: ServedHere) -> Iterator[None]:
    here.api.patience, before = 0.02, here.api.patience
    yield
    here.api.patience = before


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
