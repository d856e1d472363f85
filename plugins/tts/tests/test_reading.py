"""What formant makes of signs, sums, units and abbreviations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_tts.formant.reading import readable
from studio_worker_tts.formant.spelling import words_of
from studio_worker_tts.plain_text import plain
from studio_worker_tts.sentences import sentences


def said(text: str) -> str:
    """The words of every sentence, with a bar for the pause between two."""
    words, _, _ = readable(plain(text)[0])
    return " | ".join(" ".join(words_of(sentence)) for sentence in sentences(words))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-5", "minus five"),
        ("−5 °C", "minus five degrees celsius"),
        ("5 - 3 = 2", "five minus three equals two"),
        ("5-3", "five three"),
        ("50%", "fifty percent"),
        ("$5", "five dollars"),
        ("-$1", "minus one dollar"),
        ("3 €", "three euros"),
        ("3,50 €", "three euros and fifty cents"),
        ("£2.50", "two pounds and fifty pence"),
        ("$1,234.05", "one thousand two hundred thirty four dollars and five cents"),
        ("$3 million", "three million dollars"),
        ("$5k", "five thousand dollars"),
        ("1,000,000", "one million"),
        ("x²", "x squared"),
        ("½", "one half"),
        ("#1", "number one"),
        ("a & b", "a and b"),
        ("5*3", "five times three"),
        ("**bold**", "bold"),
        ("👍🏽", "thumbs up"),
        ("naïve Łódź Straße", "naive lodz strasse"),
        ("٣ ①", "three one"),
    ],
)
def test_signs_are_read(text: str, words: str) -> None:
    assert said(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Dr. Smith met Mr. Jones.", "doctor smith met mister jones"),
        ("Fruit, e.g. plums", "fruit for example plums"),
        ("i.e. Two", "that is | two"),
        ("cats, dogs, etc. are here", "cats dogs et cetera are here"),
        ("cats etc. They sleep", "cats et cetera | they sleep"),
        ("5 km. and 1 kg", "five kilometres and one kilogram"),
        ("He ran 5 km. Then he slept.", "he ran five kilometres | then he slept"),
        ("30 km/h", "thirty kilometres per hour"),
        ("per kg", "per kilogram"),
        ("5 in the morning", "five in the morning"),
        ("5 ft. 3 in. tall", "five feet three inches tall"),
        ("St. Mary", "saint mary"),
        ("No. 5 said no. He left.", "number five said no | he left"),
        ("the U.S. Army", "the u s army"),
    ],
)
def test_abbreviations_are_read_without_a_pause(text: str, words: str) -> None:
    assert said(text) == words


@given(st.text(max_size=300))
def test_any_text_becomes_words_or_is_named(text: str) -> None:
    words, out, says = readable(plain(text)[0])
    assert words.isascii()
    assert says == bool(words_of(words))
    assert says or out or not any(character.isalnum() for character in text)
