"""Reasoning told from an answer, however the text is cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.thinking import Part, Thinking, len_of_beginning, split


def parts(pieces: list[str]) -> list[Part]:
    thinking = Thinking()
    return [*(part for piece in pieces for part in thinking.feed(piece)), *thinking.end()]


@pytest.mark.parametrize(
    ("text", "reasoning", "content"),
    [
        ("", "", ""),
        (" \n", "", " \n"),
        ("plain <think>x</think>", "", "plain <think>x</think>"),
        ("<think>why</think>so", "why", "so"),
        ("\n<think>\n why \n</think>\n\n so \n", "why", "so \n"),
        ("<think></think>so", "", "so"),
        ("<think>cut off </th", "cut off </th", ""),
        ("<think>a</thin b</think>c", "a</thin b", "c"),
        ("<thin", "", "<thin"),
        ("<thinking>x", "", "<thinking>x"),
        ("<think>a</think>b</think>", "a", "b</think>"),
    ],
)
def test_a_leading_block_is_reasoning(text: str, reasoning: str, content: str) -> None:
    assert split(text) == (reasoning, content)
    letters = parts(list(text))
    assert "".join(t for kind, t in letters if kind == "reasoning") == reasoning
    assert "".join(t for kind, t in letters if kind == "content") == content


@given(st.lists(st.sampled_from(["<think>", "</think>", "</thi", "<", " ", "\n", "a", "nk>"])))
def test_pieces_say_the_same_as_the_whole(pieces: list[str]) -> None:
    told = parts(pieces)
    reasoning, content = split("".join(pieces))
    assert "".join(text for kind, text in told if kind == "reasoning") == reasoning
    assert "".join(text for kind, text in told if kind == "content") == content
    assert all(text for _, text in told)


def test_what_is_sure_is_told_at_once() -> None:
    thinking = Thinking()
    assert list(thinking.feed("<think>one ")) == [("reasoning", "one")]
    assert list(thinking.feed("two</")) == [("reasoning", " two")]
    assert list(thinking.feed("think>x")) == [("content", "x")]


def test_the_longest_beginning_of_a_mark_counts() -> None:
    assert len_of_beginning("abc", ("cd", "bcd", "x")) == 2
    assert len_of_beginning("abc", ("abc", "")) == 0
    assert len_of_beginning("", ("a",)) == 0
