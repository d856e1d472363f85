"""Tools and log probabilities in chats, by OpenAI's own client, of an engine that has them."""

# The client is told things that its types do not foresee.
# mypy: disable-error-code="call-overload,arg-type,union-attr,index,attr-defined,list-item,misc"

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.local_api.streams.conftest import chat, texts

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object"}},
}
TOKENS = [
    {
        "token": "hé",
        "logprob": -0.25,
        "top_logprobs": [{"token": "hé", "logprob": -0.25}, {"token": "ho", "logprob": -2.0}],
    },
    {"token": "!", "logprob": -0.5},
]


def calling(*calls: Any, finish: str = "stop", content: str | None = None) -> list[Any]:
    """The step of an answer that calls tools."""
    message = {"role": "assistant", "content": content, "tool_calls": list(calls)}
    return ["answer", {"choices": [{"message": message, "finish_reason": finish}]}]


def call(town: str, **more: Any) -> dict[str, Any]:
    return {"function": {"name": "weather", "arguments": {"town": town}}, **more}


def test_a_model_calls_a_tool_and_hears_the_answer(client: openai.OpenAI) -> None:
    first = client.chat.completions.create(**chat(calling(call("Rome"))), tools=[WEATHER])
    choice = first.choices[0]
    (called,) = choice.message.tool_calls
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    assert (called.type, called.function.name) == ("function", "weather")
    assert json.loads(called.function.arguments) == {"town": "Rome"}
    assert called.id
    heard = client.chat.completions.create(
        model="emitting-llm",
        tools=[WEATHER],
        tool_choice={"type": "function", "function": {"name": "weather"}},
        messages=[
            {"role": "user", "content": "?"},
            choice.message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": called.id, "content": "rain"},
            {"role": "user", "content": json.dumps([["repeat", None]])},
        ],
    )
    task = json.loads(heard.choices[0].message.content)
    assert task["tools"] == [WEATHER]
    assert task["toolChoice"]["function"]["name"] == "weather"
    _, asked, answered, _ = task["messages"]
    assert asked["toolCalls"] == [called.model_dump()]
    assert (answered["role"], answered["toolCallId"]) == ("tool", called.id)


def test_several_calls_are_streamed_each_under_its_index(client: openai.OpenAI) -> None:
    asked = chat(
        ["emit", "Let me see."],
        calling(call("Rome", id="one"), call("Oslo"), content="Let me see."),
    )
    chunks = list(client.chat.completions.create(**asked, tools=[WEATHER], stream=True))
    calls: dict[int, dict[str, str]] = {}
    for chunk in chunks:
        for piece in chunk.choices[0].delta.tool_calls or ():
            known = calls.setdefault(piece.index, {"id": piece.id, "arguments": ""})
            assert piece.id in (known["id"], None)
            known["arguments"] += piece.function.arguments or ""
    assert list(calls) == [0, 1]
    assert calls[0]["id"] == "one"
    assert calls[1]["id"]
    assert [json.loads(each["arguments"])["town"] for each in calls.values()] == ["Rome", "Oslo"]
    assert "".join(texts(chunks)) == "Let me see."
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == [
        "tool_calls"
    ]


def test_the_clients_own_helper_puts_a_streamed_call_together(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        **chat(calling(call("Rome"), call("Oslo"))), tools=[WEATHER]
    ) as stream:
        final = stream.get_final_completion().choices[0]
    assert [each.function.arguments for each in final.message.tool_calls] == [
        '{"town": "Rome"}',
        '{"town": "Oslo"}',
    ]
    assert final.finish_reason == "tool_calls"


def test_one_call_alone_where_no_more_are_wanted_and_a_cut_answer_says_so(
    client: openai.OpenAI,
) -> None:
    asked = chat(calling(call("Rome"), call("Oslo"), finish="length"))
    done = client.chat.completions.create(**asked, tools=[WEATHER], parallel_tool_calls=False)
    assert len(done.choices[0].message.tool_calls) == 1
    assert done.choices[0].finish_reason == "length"


def test_how_likely_each_token_was_whole_and_streamed(client: openai.OpenAI) -> None:
    message = {"role": "assistant", "content": "hé!"}
    answer = {"choices": [{"message": message, "logprobs": {"content": TOKENS}}]}
    asked = chat(["answer", answer]) | {"logprobs": True, "top_logprobs": 2}
    whole = client.chat.completions.create(**asked).choices[0].logprobs.content
    assert [(each.token, each.logprob) for each in whole] == [("hé", -0.25), ("!", -0.5)]
    assert whole[0].bytes == list("hé".encode())
    assert [each.token for each in whole[0].top_logprobs] == ["hé", "ho"]
    streamed = [
        token
        for chunk in client.chat.completions.create(**asked, stream=True)
        if chunk.choices[0].logprobs
        for token in chunk.choices[0].logprobs.content
    ]
    assert streamed == whole
    unasked = client.chat.completions.create(**chat(["answer", answer]))
    assert unasked.choices[0].logprobs is None


def test_the_engine_hears_how_many_others_are_wanted(client: openai.OpenAI) -> None:
    for fields, said in (({"top_logprobs": 3}, 3), ({}, 0)):
        asked = chat(["repeat", None]) | {"logprobs": True} | fields
        done = client.chat.completions.create(**asked)
        assert json.loads(done.choices[0].message.content)["topLogprobs"] == said


@pytest.mark.parametrize("calls", [[{"id": "1"}], [{"function": {"arguments": "{}"}}]])
def test_a_call_without_a_name_is_a_fault_of_the_engine(client: openai.OpenAI, calls: Any) -> None:
    with pytest.raises(openai.InternalServerError, match="tool_calls"):
        client.chat.completions.create(**chat(calling(*calls)), tools=[WEATHER])
