from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_tts.resampling import Resampler
from studio_worker_tts.sentences import sentences


def test_text_is_cut_at_the_ends_of_sentences() -> None:
    assert sentences("One. Two!  Three?\nFour; five") == ["One.", "Two!", "Three?", "Four;", "five"]
    assert sentences("Version 1.5 is out.") == ["Version 1.5 is out."]


def test_an_abbreviation_ends_no_sentence() -> None:
    text = "Dr. J. Smith of the U.S. Army came, e.g. at 5 p.m. on Monday. He slept etc. The end."
    assert sentences(text) == [
        "Dr. J. Smith of the U.S. Army came, e.g. at 5 p.m. on Monday.",
        "He slept etc.",
        "The end.",
    ]
    assert sentences("It is I. We go.\nDr.\nNo") == ["It is I.", "We go.", "Dr.", "No"]


@given(st.text(max_size=2000))
def test_no_word_is_lost_and_no_piece_is_long(text: str) -> None:
    pieces = sentences(text)
    assert all(0 < len(piece) <= 400 for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


@pytest.mark.parametrize("rate_out", [24_000, 48_000])
def test_resampling_keeps_a_tone_and_its_length(rate_out: int) -> None:
    rate = 22_050
    time = np.arange(rate) / rate
    tone = (10_000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)
    resampler = Resampler(rate, rate_out)
    pieces = [resampler.feed(tone[start : start + 777]) for start in range(0, rate, 777)]
    out = np.concatenate([*pieces, resampler.finish()]).astype(np.float64)
    assert abs(len(out) - rate_out) <= 2
    wanted = 10_000 * np.sin(2 * np.pi * 440 * np.arange(len(out)) / rate_out)
    inner = slice(200, -200)
    assert np.abs(out[inner] - wanted[inner]).max() < 60
