from __future__ import annotations

import os
from pathlib import Path

import espeakng_loader
import pytest
import soundfile

from plugins.tts.tests.bench import Bench
from studio_worker_core.plugin import InvalidTask
from studio_worker_tts.espeak.engine import EspeakEngine
from studio_worker_tts.espeak.library import Voice, espeak_library
from studio_worker_tts.espeak.voices import choose_voice

VOICES = [
    Voice("English (America)", "gmw/en-US", ("en-us", "en")),
    Voice("German", "gmw/de", ("de",)),
    Voice("Portuguese (Brazil)", "roa/pt-BR", ("pt-br", "pt")),
]


@pytest.mark.parametrize(
    ("voice", "language", "chosen"),
    [
        ("default", None, "gmw/en-US"),
        ("default", "de", "gmw/de"),
        ("default", "de-AT", "gmw/de"),
        ("default", "pt_BR", "roa/pt-BR"),
        ("de", "en", "gmw/de"),
        ("German", None, "gmw/de"),
        ("gmw/de", None, "gmw/de"),
        ("de+f3", None, "gmw/de+f3"),
        ("default+f3", "de", "gmw/de+f3"),
    ],
)
def test_a_voice_is_found_by_name_id_or_language(
    voice: str, language: str | None, chosen: str
) -> None:
    assert choose_voice(VOICES, {"f3"}, voice=voice, language=language) == chosen


@pytest.mark.parametrize(
    ("voice", "language", "said"),
    [
        ("Gorman", None, "near it: german"),
        ("default", "xx", "no language 'xx'"),
        ("de+f33", None, "no voice variant 'f33'; near it: f3"),
    ],
)
def test_an_unknown_voice_is_refused_with_the_near_ones(
    voice: str, language: str | None, said: str
) -> None:
    with pytest.raises(InvalidTask, match=said):
        choose_voice(VOICES, {"f3"}, voice=voice, language=language)


def test_many_languages_are_there() -> None:
    languages = {code for voice in espeak_library().voices() for code in voice.languages}
    assert len(languages) > 100
    assert {"de", "fr-fr", "cmn", "ja", "sw"} <= languages


def test_languages_and_variants_sound_different(bench: Bench) -> None:
    engine = EspeakEngine()
    spoken = {
        options: bench.speak(engine, "Information 123.", voice=options).read_bytes()
        for options in ("en-us", "de", "fr", "de+f3")
    }
    assert len(set(spoken.values())) == 4


def test_every_language_speaks_its_own_numbers(bench: Bench) -> None:
    engine = EspeakEngine()
    for voice in espeak_library().voices():
        path = bench.speak(engine, "1 2 3", voice=voice.identifier)
        assert soundfile.info(path).duration > 0.2, voice


def test_a_data_directory_with_a_long_path_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = Path(espeakng_loader.get_data_path())
    deep = tmp_path / ("d" * 100) / ("e" * 100) / "espeak-ng-data"
    deep.parent.mkdir(parents=True)
    deep.symlink_to(data, target_is_directory=True)
    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(deep))
    espeak_library().close()
    espeak_library.cache_clear()
    library = espeak_library()
    library.select("gmw/de", 175)
    assert len(library.speak("Hallo", lambda: False)) > 2000
    assert len(os.fsencode(deep)) > 200
    library.close()
    espeak_library.cache_clear()


def test_cancelling_ends_a_long_sentence_early() -> None:
    library = espeak_library()
    library.select("gmw/en-US", 175)
    whole = library.speak("many words " * 30, lambda: False)
    asked = iter(range(10_000))
    part = library.speak("many words " * 30, lambda: next(asked) > 3)
    assert len(part) < len(whole) / 2
