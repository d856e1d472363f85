"""The last lines of an engine's output."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio_worker_core.processes.output_tail import OutputTail


def test_the_last_lines_are_kept_oldest_first() -> None:
    tail = OutputTail("e")
    tail.feed(b"one\ntwo\n\nthr")
    tail.feed(b"ee\r\nfour")
    assert tail.last() == ["one", "two", "three", "four"]
    assert tail.last(2) == ["three", "four"]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=5000), max_size=40))
def test_memory_is_bounded_whatever_is_printed(chunks: list[bytes]) -> None:
    tail = OutputTail("e")
    for chunk in chunks:
        tail.feed(chunk)
    lines = tail.last()
    assert len(lines) <= 41
    assert sum(len(line) for line in lines) <= 8 * 1024 + 2 * 1024


def test_lines_go_to_the_debug_log_at_a_bounded_rate(caplog: pytest.LogCaptureFixture) -> None:
    now = [10.0]
    tail = OutputTail("e", clock=lambda: now[0])
    with caplog.at_level(logging.DEBUG, "studio_worker.engines.output"):
        tail.feed(b"line\n" * 1000)
        assert len(caplog.records) == 50
        now[0] += 1.5
        tail.feed(b"again\n")
    assert caplog.messages[-1] == "e: again"
