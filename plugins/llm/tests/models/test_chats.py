"""Chats with tiny models: what llama.cpp is asked for is what comes out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plugins.llm.tests.models.chat_bench import ChatBench
from plugins.llm.tests.tiny_gguf import SENTENCE, rendered_length
from studio_worker_core.errors import InvalidTask, JobCancelled
from studio_worker_core.plugin import CliDefaults, Model

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]

SCHEMA = {
    "type": "object",
    "properties": {"name": {"enum": ["fox", "owl"]}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def test_what_is_emitted_is_the_answer(bench: ChatBench, chain: Model) -> None:
    chat = bench.chat(chain)
    assert chat.text == SENTENCE
    assert chat.finish == "stop"
    assert "".join(chat.pieces) == SENTENCE


def test_the_models_own_template_renders_every_turn(bench: ChatBench, chain: Model) -> None:
    turns = (("user", "why?"), ("assistant", "so."), ("user", "oh"))
    assert bench.chat(chain, *turns).given == rendered_length(*turns)
    with_system = bench.chat(chain, *turns, system="be brief")
    assert with_system.given == rendered_length(("system", "be brief"), *turns)


def test_a_text_like_a_mark_of_the_model_is_only_text(bench: ChatBench, chain: Model) -> None:
    turns = (("user", "</s><s>"),)
    assert bench.chat(chain, *turns).text == SENTENCE


def test_the_budget_cuts_an_answer_and_says_so(bench: ChatBench, chain: Model) -> None:
    chat = bench.chat(chain, max_tokens=3)
    assert (chat.text, chat.finish, chat.made) == (" Hello from a", "length", 3)


@pytest.mark.parametrize("stop", [" tiny local", ["nobody says this", "ny loc"]])
def test_a_stop_text_never_shows_even_over_tokens(
    bench: ChatBench, chain: Model, stop: str | list[str]
) -> None:
    chat = bench.chat(chain, stop=stop)
    assert chat.text == "".join(chat.pieces)
    assert chat.text == SENTENCE[: len(chat.text)]
    assert chat.text.startswith(" Hello from a")
    assert not any(text in chat.text for text in ("tiny local", "ny"))
    assert chat.finish == "stop"


def test_the_same_seed_says_the_same_whatever_came_before(bench: ChatBench, noise: Model) -> None:
    def said(seed: int | None, **options: Any) -> str:
        options |= {} if seed is None else {"seed": seed}
        return bench.chat(noise, temperature=1.0, max_tokens=40, options=options).text

    first = said(7)
    bench.chat(noise, ("user", "something else"), max_tokens=5)
    assert said(7) == first
    assert len({said(seed) for seed in (7, 8, 2**32 + 7, 2**53 - 1)}) == 4
    assert said(None) != said(None)
    assert said(1, top_k=1) == said(2, top_k=1)


def test_without_chance_the_likeliest_is_said(bench: ChatBench, noise: Model) -> None:
    said = {
        bench.chat(noise, temperature=t, top_p=p, max_tokens=20).text
        for t, p in ((0.0, None), (0.0, 1.0), (1.0, 0.0))
    }
    assert len(said) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_answer_keeps_its_schema(bench: ChatBench, noise: Model, seed: int) -> None:
    options = {"seed": seed}
    chat = bench.chat(noise, json_schema=SCHEMA, temperature=1.0, options=options, max_tokens=2000)
    if chat.finish == "stop":
        answer = json.loads(chat.text)
        assert set(answer) == {"name", "age"}
        assert answer["name"] in ("fox", "owl")
        assert isinstance(answer["age"], int)
    assert "".join(chat.pieces) == chat.text


def test_an_answer_keeps_its_grammar(bench: ChatBench, noise: Model) -> None:
    options = {"grammar": 'root ::= "yes" | "no"'}
    assert bench.chat(noise, options=options).text in ("yes", "no")


@pytest.mark.parametrize(
    "fields",
    [
        {"json_schema": {"type": "nonsense"}},
        {"json_schema": {"$ref": "#/nowhere"}},
        {"options": {"grammar": "root ::= ("}},
    ],
)
def test_a_form_that_is_none_is_refused_and_the_next_chat_is_done(
    bench: ChatBench, chain: Model, fields: dict[str, Any]
) -> None:
    with pytest.raises(InvalidTask, match=r"llama\.cpp refuses it"):
        bench.chat(chain, **fields)
    pid = bench.pid_of(chain)
    assert bench.chat(chain).text == SENTENCE
    assert bench.pid_of(chain) == pid


def test_a_conversation_longer_than_the_context_is_refused(bench: ChatBench, chain: Model) -> None:
    long = (("user", "x" * 1000),)
    numbers = f"has {rendered_length(*long)} tokens and the context .* 512"
    with pytest.raises(InvalidTask, match=numbers):
        bench.chat(chain, *long)


def test_an_answer_ends_with_the_context(bench: ChatBench, endless: Model) -> None:
    small = Model("small", endless.files, CliDefaults(context_size=512))
    chat = bench.chat(small, max_tokens=100_000)
    assert chat.finish == "length"
    assert chat.given + chat.made == 512


def test_a_turn_reads_only_what_is_new(bench: ChatBench, chain: Model) -> None:
    first = (("user", "one " * 50),)
    begun = bench.chat(chain, *first)
    onward = (*first, ("assistant", begun.text), ("user", "two"))
    assert bench.chat(chain, *onward).cached >= begun.given - 1
    assert bench.chat(chain, *onward, options={"seed": 1}).cached == 0


def test_a_cancelled_chat_stops_by_itself_and_the_model_stays(
    bench: ChatBench, endless: Model
) -> None:
    heard: list[str] = []

    def cancel(piece: str) -> None:
        heard.append(piece)
        bench.cancel.set()

    bench.chat(endless, max_tokens=1)
    pid = bench.pid_of(endless)
    with pytest.raises(JobCancelled):
        bench.chat(endless, max_tokens=100_000, on_piece=cancel)
    bench.cancel.clear()
    assert bench.chat(endless, max_tokens=3).text == " Hello from a"
    assert bench.pid_of(endless) == pid


def test_a_long_prompt_is_cancelled_while_it_is_read(bench: ChatBench, endless: Model) -> None:
    bench.chat(endless, max_tokens=1)
    pid = bench.pid_of(endless)
    bench.forget()
    bench.on_progress = bench.cancel.set
    try:
        with pytest.raises(JobCancelled):
            bench.chat(endless, ("user", "y" * 95_000), max_tokens=1)
    finally:
        bench.on_progress = lambda: None
    bench.cancel.clear()
    assert all(fraction < 0.1 for fraction, _ in bench.progress)
    bench.chat(endless, max_tokens=1)
    assert bench.pid_of(endless) == pid


def test_pictures_are_refused_by_a_model_that_reads_none(bench: ChatBench, chain: Model) -> None:
    with pytest.raises(InvalidTask, match=r"'chain' reads no pictures.*text-encoder-vision"):
        bench.chat(chain, images=["data:image/png;base64,AAAA"])
