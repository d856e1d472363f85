"""Requests about speech, read as OpenAI's clients write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from studio_worker_core.local_api.errors import BadRequest
from studio_worker_core.local_api.openai import speech, transcripts
from studio_worker_core.local_api.openai.fields import read_fields, read_json


def test_voices_that_clients_hard_code_are_the_engines_own_unless_they_are_mapped() -> None:
    def voice(name: Any, aliases: dict[str, str] | None = None) -> str:
        body = json.dumps({"input": "hi", "voice": name}).encode()
        return speech.voice_of(read_json(speech.SpeechRequest, body), aliases or {})

    assert voice("alloy") == voice(None) == voice("") == "default"
    assert voice("en-gb") == "en-gb"
    assert voice({"id": "en-gb"}) == "en-gb"
    assert voice("alloy", {"alloy": "en-us"}) == "en-us"


def test_the_type_of_speech_is_what_was_asked_for_or_what_there_is() -> None:
    def ext(wanted: str | None, written: tuple[str, ...]) -> str:
        asked = speech.SpeechRequest("hi", response_format=wanted)
        return speech.speech_extension(asked, written)

    assert ext(None, ("wav", "mp3")) == "mp3"
    assert ext("", ("wav",)) == "wav"
    assert ext("pcm", ("wav",)) == "wav"
    assert ext("FLAC", ("flac",)) == "flac"
    with pytest.raises(BadRequest, match="it writes wav, pcm"):
        ext("aac", ("wav",))
    with pytest.raises(BadRequest, match="must be one of"):
        ext("midi", ("wav",))


@pytest.mark.parametrize(
    ("given", "code"),
    [("en", "en"), ("English", "en"), ("en-GB", "en"), ("pt_BR", "pt"), ("", None),
     ("auto", None), (None, None), ("yue", "yue")],
)  # fmt: skip
def test_languages_are_codes_names_and_regions(given: str | None, code: str | None) -> None:
    assert transcripts.language_of(given) == code


def test_a_language_that_is_none_is_refused() -> None:
    with pytest.raises(BadRequest, match="no language code"):
        transcripts.language_of("klingon")


def test_a_form_is_read_with_its_lists() -> None:
    asked = read_fields(
        transcripts.TranscriptionRequest,
        {"model": "m", "temperature": "0.5", "timestamp_granularities[]": ["word", "segment"]},
    )
    assert asked.temperature == 0.5
    assert transcripts.transcript_fields(asked, translate=False)["timestamps"] == "word"


SPOKEN = {
    "text": "one two",
    "segments": [
        {"start": 0.0, "end": 1.5, "text": "one & <b>"},
        {"start": 3661.5, "end": 3662.25, "text": "two --> \nthree"},
    ],
}


def test_subtitles_are_written_as_players_read_them() -> None:
    srt, kind = transcripts.rendered(SPOKEN, "srt")
    assert kind.startswith("application/x-subrip")
    assert srt.decode() == (
        "1\n00:00:00,000 --> 00:00:01,500\none & <b>\n\n"
        "2\n01:01:01,500 --> 01:01:02,250\ntwo --> three\n\n"
    )
    vtt, kind = transcripts.rendered(SPOKEN, "vtt")
    assert kind.startswith("text/vtt")
    assert vtt.decode() == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\none &amp; &lt;b>\n\n"
        "01:01:01.500 --> 01:01:02.250\ntwo → three\n\n"
    )
    assert transcripts.rendered(SPOKEN, "text") == (b"one two\n", "text/plain; charset=utf-8")
    assert json.loads(transcripts.rendered(SPOKEN, "json")[0]) == {"text": "one two"}
    assert json.loads(transcripts.rendered(SPOKEN, "verbose_json")[0]) == SPOKEN
