"""Tasks as requests to llama.cpp."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.errors import InvalidTask
from studio_worker_core.plugin import ChatMessage, CliDefaults, LlmTask
from studio_worker_llm.conversation import native_seed, request_of
from studio_worker_llm.options import LlamaCppOptions

HI = (("user", "hi"),)


def asked(
    *turns: tuple[str, str],
    options: LlamaCppOptions | None = None,
    defaults: CliDefaults | None = None,
    pictures: tuple[str, ...] = (),
    **fields: Any,
) -> dict[str, Any]:
    task = LlmTask(messages=[ChatMessage(*turn) for turn in turns], **fields)
    return request_of(
        task, options or LlamaCppOptions(), defaults or CliDefaults(), seed=5, pictures=pictures
    )


def test_a_conversation_keeps_its_turns() -> None:
    turns = (("user", "hi"), ("assistant", "yes?"), ("tool", "3"), ("user", "go on"))
    messages = asked(*turns)["messages"]
    assert [(turn["role"], turn["content"]) for turn in messages] == list(turns)


def test_a_system_prompt_comes_first_and_there_is_one() -> None:
    assert asked(*HI, system="be brief")["messages"][0] == {
        "role": "system",
        "content": "be brief",
    }
    both = asked(("developer", "in verse"), *HI, system="be brief")["messages"]
    assert [turn["role"] for turn in both] == ["system", "user"]
    assert both[0]["content"] == "be brief\n\nin verse"


def test_nothing_to_answer_and_invented_roles_are_refused() -> None:
    with pytest.raises(InvalidTask, match="no messages"):
        asked(system="be brief")
    with pytest.raises(InvalidTask, match=r"messages\[1\]\.role 'owl' is none of system"):
        asked(*HI, ("owl", "hoo"))


def test_sampling_is_passed_on_and_what_is_left_out_is_the_models() -> None:
    plain = asked(*HI, max_tokens=9, temperature=0)
    assert (plain["max_tokens"], plain["temperature"]) == (9, 0)
    assert not {"top_p", "stop", "top_k", "min_p", "grammar", "response_format"} & set(plain)
    options = LlamaCppOptions(top_k=0, min_p=0.1, repeat_penalty=1.1, presence_penalty=-1.0)
    full = asked(*HI, options=options, top_p=0.5, stop=["a", "", "b"])
    assert (full["top_p"], full["stop"]) == (0.5, ["a", "b"])
    assert (full["top_k"], full["min_p"], full["repeat_penalty"]) == (0, 0.1, 1.1)
    assert full["presence_penalty"] == -1.0
    assert asked(*HI, stop="END")["stop"] == ["END"]
    assert "stop" not in asked(*HI, stop="")


def test_who_asks_for_a_seed_gets_no_cached_prompt() -> None:
    assert asked(*HI)["cache_prompt"] is True
    assert asked(*HI, options=LlamaCppOptions(seed=0))["cache_prompt"] is False


@given(st.integers(0, 2**64 - 1))
def test_a_seed_is_never_the_one_that_asks_for_a_drawn_one(seed: int) -> None:
    assert 0 <= native_seed(seed) < 2**32 - 1


def test_seeds_differ_beyond_what_the_library_takes() -> None:
    seeds = (0, 1, 2**32 - 2, 2**32, 2**32 + 1, 2**53, 2**64 - 1)
    assert len({native_seed(seed) for seed in seeds}) == len(seeds)
    assert native_seed(2**32 - 1) < 2**32 - 1


def test_template_arguments_of_the_task_count_over_those_of_the_model() -> None:
    defaults = CliDefaults(chat_template_kwargs={"enable_thinking": True, "style": "plain"})
    arguments = asked(*HI, defaults=defaults, chat_template_kwargs={"enable_thinking": False})
    assert arguments["chat_template_kwargs"] == {"enable_thinking": False, "style": "plain"}


@pytest.mark.parametrize(
    ("wanted", "arguments"),
    [
        (None, {}),
        (False, {"enable_thinking": False}),
        ("none", {"enable_thinking": False}),
        (True, {"enable_thinking": True}),
        ("High", {"enable_thinking": True, "reasoning_effort": "high"}),
    ],
)
def test_reasoning_is_told_to_the_template(wanted: Any, arguments: dict[str, Any]) -> None:
    assert asked(*HI, reasoning=wanted)["chat_template_kwargs"] == arguments


@pytest.mark.parametrize("wanted", ["much", 7, {"effort": "high"}])
def test_reasoning_that_means_nothing_is_refused(wanted: Any) -> None:
    with pytest.raises(InvalidTask, match=r"reasoning .* is none of none, on, minimal"):
        asked(*HI, reasoning=wanted)


def test_pictures_go_with_the_last_turn_of_the_users() -> None:
    turns = (("user", "look"), ("assistant", "at?"), ("user", "these"), ("assistant", "well"))
    messages = asked(*turns, pictures=("data:a", "data:b"))["messages"]
    assert messages[0]["content"] == "look"
    shown = [part.get("image_url", {}).get("url") for part in messages[2]["content"]]
    assert shown == ["data:a", "data:b", None]
    assert messages[2]["content"][-1] == {"type": "text", "text": "these"}
    with pytest.raises(InvalidTask, match="no message of the user's"):
        asked(("assistant", "hm"), pictures=("data:a",))


def test_a_schema_or_a_grammar_is_the_form_of_the_answer() -> None:
    schema = {"type": "object"}
    form = asked(*HI, json_schema=schema)["response_format"]
    assert form == {"type": "json_schema", "json_schema": {"schema": schema}}
    assert asked(*HI, options=LlamaCppOptions(grammar='root ::= "x"'))["grammar"] == 'root ::= "x"'
    with pytest.raises(InvalidTask, match="both say"):
        asked(*HI, json_schema=schema, options=LlamaCppOptions(grammar="root"))


def test_a_schema_that_is_none_or_bottomless_is_refused() -> None:
    with pytest.raises(InvalidTask, match="no schema but 'true'"):
        asked(*HI, json_schema="true")
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"items": [deep]}
    with pytest.raises(InvalidTask, match="more than 64 deep"):
        asked(*HI, json_schema=deep)
