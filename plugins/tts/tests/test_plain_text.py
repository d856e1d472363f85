from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from studio_worker_tts.coqui.text import sayable, without_commands
from studio_worker_tts.plain_text import plain, shown
from studio_worker_tts.units import units


@given(st.text(max_size=200))
def test_no_control_character_reaches_a_library(text: str) -> None:
    clean, _ = plain(text)
    assert all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cs", "Co", "Cn") for c in clean)


def test_what_is_taken_out_is_named_and_marks_without_sound_are_not() -> None:
    clean, out = plain("a\x01b\ue000c\ud800\u00add\u202ee\tf\r\ng")
    assert clean == "a b c de f\n\ng"
    assert shown(out) == "U+0001, U+E000, U+D800"


def test_a_letter_and_its_marks_are_one_however_they_are_written() -> None:
    assert plain("e\u0301")[0] == plain("\xe9")[0]
    assert list(units("क्षि e\u0301\u0302")) == ["क्", "षि", " ", "e\u0301\u0302"]


def test_an_emoji_with_its_parts_is_one_unit() -> None:
    parts = ["👍🏽", "👨\u200d👩\u200d👧", "🇩🇪", "🇫🇷", "1\ufe0f\u20e3", "😀", "😀"]
    assert list(units("".join(parts))) == parts


@given(st.text(max_size=200))
def test_units_lose_nothing(text: str) -> None:
    assert "".join(units(text)) == text


def test_square_brackets_are_no_tokens_of_a_library() -> None:
    assert without_commands("[STOP] a [[h@loU]]") == "(STOP) a ((h@loU))"


def test_a_model_is_asked_for_what_its_alphabet_has() -> None:
    alphabet = set("abcé%3")
    can_say = alphabet.__contains__
    assert sayable("a 世 ｂ, 50%", can_say) == ("a   b,   %", ["世", "5", "0"], True)
    assert sayable("٣é!", can_say) == ("3é!", [], True)
    assert sayable("世!", can_say) == (" !", ["世"], False)
