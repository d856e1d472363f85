"""What OpenAI's clients send, read as they mean it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from studio_worker_core.local_api.errors import BadRequest
from studio_worker_core.local_api.openai import chat, pictures, responses
from studio_worker_core.local_api.openai.fields import read_json
from studio_worker_core.wire.tasks import ChatMessage


def chat_of(**fields: Any) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": "hi"}], **fields}
    return chat.chat_fields(read_json(chat.ChatRequest, json.dumps(body).encode()))


def picture(**fields: Any) -> pictures.PictureRequest:
    return read_json(pictures.PictureRequest, json.dumps({"prompt": "x", **fields}).encode())


def test_null_is_absent_and_what_is_unknown_is_ignored_at_every_depth() -> None:
    fields = chat_of(
        messages=[{"role": "user", "content": "hi", "name": "me", "extra": {"a": [None]}}],
        temperature=None,
        stop=None,
        user="u",
        stream_options=None,
        metadata={},
    )
    assert fields["messages"] == [ChatMessage("user", "hi")]
    assert "temperature" not in fields
    assert "stop" not in fields


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("hi", "hi"),
        (None, ""),
        ("", ""),
        ([], ""),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb"),
        ([{"type": "input_text", "text": "a"}], "a"),
    ],
)
def test_content_comes_as_text_as_parts_or_not_at_all(content: Any, text: str) -> None:
    for role in ("system", "user", "assistant", "tool", "developer"):
        found = chat_of(messages=[{"role": role, "content": content}])["messages"]
        assert found == [ChatMessage("system" if role == "developer" else role, text)]
    assert chat_of(messages=[{"role": "assistant"}])["messages"] == [ChatMessage("assistant", "")]


def test_both_names_of_the_budget_count_and_the_newer_wins() -> None:
    assert chat_of(max_tokens=7)["max_tokens"] == 7
    assert chat_of(max_completion_tokens=8)["max_tokens"] == 8
    assert chat_of(max_tokens=7, max_completion_tokens=8)["max_tokens"] == 8


@pytest.mark.parametrize(
    ("given", "read"), [("a", ["a"]), (["a", "b"], ["a", "b"]), ([], None), ("", None)]
)
def test_a_stop_comes_as_a_text_or_a_list(given: Any, read: Any) -> None:
    assert chat_of(stop=given).get("stop") == read


@pytest.mark.parametrize(
    ("wanted", "schema"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, {"type": "object"}),
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": {"a": 1}}}, {"a": 1}),
    ],
)
def test_the_shape_of_an_answer(wanted: Any, schema: Any) -> None:
    assert chat_of(response_format=wanted).get("json_schema") == schema


TOOL = {"type": "function", "function": {"name": "f"}}
PNG = "data:image/png;base64,AAAA"


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"messages": []}, "messages", "at least 1"),
        ({"messages": [{"role": "robot", "content": ""}]}, "messages[0].role", "none of system"),
        ({"messages": [{"role": "user", "content": [{"type": "odd"}]}]}, "messages[0].content", ""),
        ({"tools": [{"type": "function"}]}, "tools[0].function", "with a name"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "of the type function"),
        ({"tools": [TOOL], "tool_choice": "sometimes"}, "tool_choice", "none, auto, required"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}},
            "tool_choice",
            "'g', which is none of the tools",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}]},
            "messages[0].tool_calls",
            "with a name",
        ),
        ({"top_logprobs": 3}, "top_logprobs", "needs logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "at most 20"),
        ({"functions": [{"name": "f"}]}, "functions", "say tools"),
        ({"logit_bias": {"5": 1}}, "logit_bias", ""),
        ({"audio": {"voice": "alloy"}}, "audio", ""),
        ({"n": 0}, "n", "at least 1"),
        ({"n": 17}, "n", "at most 16"),
        ({"response_format": {"type": "xml"}}, "response_format", ""),
        ({"response_format": {"type": "json_schema"}}, "response_format", ""),
        ({"temperature": "warm"}, "temperature", "expected a number"),
        ({"max_tokens": 0}, "max_tokens", "at least 1"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image_url", "image_url": {"url": "https://x/a"}}],
                    }
                ]
            },
            "messages[0].content",
            "not fetched",
        ),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_its_name(
    fields: dict[str, Any], param: str, words: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        chat_of(**fields)
    assert refused.value.param == param
    assert words in refused.value.message


def test_fields_that_ask_for_nothing_are_taken() -> None:
    chat_of(tools=[], functions=[], logprobs=False, top_logprobs=0, logit_bias={}, audio=None)
    assert "tools" not in chat_of(tools=[TOOL], tool_choice="none")


def test_a_plain_completion_refuses_what_it_cannot_honour_too() -> None:
    def fields(**given: Any) -> dict[str, Any]:
        body = json.dumps({"prompt": "x", **given}).encode()
        return chat.completion_fields(read_json(chat.CompletionRequest, body))

    fields(n=2, best_of=2, echo=False, suffix="", logit_bias={})
    for name, value in (("logprobs", 0), ("best_of", 3), ("echo", True), ("logit_bias", {"1": 2})):
        with pytest.raises(BadRequest) as refused:
            fields(**{name: value})
        assert refused.value.param == name


def test_pictures_in_a_message_go_along_in_order() -> None:
    part = {"type": "image_url", "image_url": {"url": PNG}}
    fields = chat_of(
        messages=[{"role": "user", "content": [part, {"type": "text", "text": "a"}, part]}]
    )
    assert fields["images"] == [PNG, PNG]
    assert fields["messages"] == [ChatMessage("user", "a")]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'"x"', b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_json(chat.ChatRequest, body)


@pytest.mark.parametrize(
    ("size", "sides"),
    [(None, None), ("", None), ("auto", None), ("64x32", (64, 32)), ("1024X768", (1024, 768))],
)
def test_a_size_is_taken_or_left_to_the_model(size: Any, sides: Any) -> None:
    assert pictures.asked_size(picture(size=size)) == sides


@pytest.mark.parametrize("size", ["0x5", "100000x10000", "x", "5", "-1x5", "5x5x5", "٣x٣"])
def test_a_size_that_is_none_is_refused(size: str) -> None:
    with pytest.raises(BadRequest) as refused:
        pictures.asked_size(picture(size=size))
    assert refused.value.param == "size"


def test_several_pictures_have_seeds_in_a_row_or_drawn_ones() -> None:
    assert pictures.seeds_of(picture(n=3, seed=2**64 - 2)) == [2**64 - 2, 2**64 - 1, 0]
    assert pictures.seeds_of(picture(n=2)) == [None, None]
    with pytest.raises(BadRequest):
        picture(n=11)


@pytest.mark.parametrize(
    ("fields", "steps"),
    [
        ({}, None),
        ({"quality": "auto"}, None),
        ({"quality": "standard"}, None),
        ({"quality": "low"}, 4),
        ({"quality": "HD"}, 12),
        ({"quality": "low", "steps": 30}, 30),
    ],
)
def test_a_quality_is_a_share_of_the_models_steps(
    fields: dict[str, Any], steps: int | None
) -> None:
    assert pictures.steps_of(picture(**fields), 8) == steps
    with pytest.raises(BadRequest, match="one of auto, low, medium, high"):
        pictures.steps_of(picture(quality="splendid"), 8)


def test_a_compression_that_nobody_would_hear_is_refused() -> None:
    pictures.check_compression(picture(output_compression=100))
    with pytest.raises(BadRequest) as refused:
        pictures.check_compression(picture(output_compression=50))
    assert refused.value.param == "output_compression"


@pytest.mark.parametrize(
    ("wanted", "delivery"), [(None, "both"), ("", "both"), ("url", "url"), ("b64_json", "b64_json")]
)
def test_a_picture_comes_the_way_it_is_wanted(wanted: str | None, delivery: str) -> None:
    asked = picture(response_format=wanted)
    assert pictures.delivery_of(asked) == delivery
    made = [pictures.Picture(b"abc", "http://here/files/1.png", 5)]
    (entry,) = pictures.answer(made, asked, created=1, size=(8, 8))["data"]
    assert ("b64_json" in entry, "url" in entry) == (delivery != "url", delivery != "b64_json")


def test_a_response_takes_text_messages_and_instructions_and_keeps_nothing() -> None:
    def fields(**given: Any) -> dict[str, Any]:
        asked = read_json(responses.ResponseRequest, json.dumps(given).encode())
        return responses.response_fields(asked)

    assert fields(input="hi")["messages"] == [ChatMessage("user", "hi")]
    several = fields(
        instructions="be brief",
        input=[{"role": "user", "content": [{"type": "input_text", "text": "a"}]}],
        text={"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
        max_output_tokens=9,
    )
    assert several["messages"] == [ChatMessage("system", "be brief"), ChatMessage("user", "a")]
    assert (several["json_schema"], several["max_tokens"]) == ({"type": "object"}, 9)
    for wrong in ({"previous_response_id": "r"}, {"input": [{"type": "function_call"}]}):
        with pytest.raises(BadRequest):
            fields(**{"input": "x", **wrong})
