from __future__ import annotations

from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from plugins.tts.tests.bench import Bench
from studio_worker_core.plugin import AudioTtsTask, InvalidTask
from studio_worker_tts.formant.engine import FormantEngine
from studio_worker_tts.formant.numbers import in_words
from studio_worker_tts.formant.options import FormantOptions, FormantSettings
from studio_worker_tts.formant.score import score_of
from studio_worker_tts.formant.sounds import SOUNDS
from studio_worker_tts.formant.spelling import phonemes_of, words_of
from studio_worker_tts.formant.synthesis import SAMPLE_RATE, render
from studio_worker_tts.formant.voices import raised, voice_named


@pytest.mark.parametrize(
    ("word", "phonemes"),
    [
        ("speech", "S P IY CH"),
        ("night", "N AY T"),
        ("station", "S T AE SH AH N"),
        ("make", "M EY K"),
        ("happy", "HH AE P IY"),
        ("sky", "S K AY"),
        ("walked", "W AA L K T"),
        ("hello", "HH AH L OW"),
        ("tv", "T IY V IY"),
    ],
)
def test_common_words_are_spelled_as_they_are_said(word: str, phonemes: str) -> None:
    assert " ".join(phonemes_of(word)) == phonemes


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("0", "zero"),
        ("23", "twenty three"),
        ("1905", "one thousand nine hundred five"),
        ("2000000", "two million"),
        ("3.14", "three point one four"),
        ("1234567890123", "one two three four five six seven eight nine zero one two three"),
    ],
)
def test_numbers_are_said_in_words(number: str, words: str) -> None:
    assert " ".join(in_words(number)) == words


@given(st.text(max_size=60))
def test_any_text_becomes_known_sounds(text: str) -> None:
    for word in words_of(text):
        assert set(phonemes_of(word)) <= SOUNDS.keys()


@given(st.text(alphabet="aeioubstnrlmky ?!", max_size=20), st.sampled_from([0.5, 1.0, 3.0]))
def test_any_score_is_finite_and_audible_as_long_as_it_says(text: str, speed: float) -> None:
    score = score_of(text, voice_named("default", None), speed)
    if score is None:
        assert not any(phonemes_of(word) for word in words_of(text))
        return
    assert np.isfinite(score.formants).all()
    assert (score.formants > 100).all()


def band(samples: Any, low: float, high: float) -> float:
    power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    at = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    return float(power[(at >= low) & (at < high)].sum() / power.sum())


def spoken(word: str, voice: str = "default") -> Any:
    score = score_of(word, voice_named(voice, None), 0.5)
    assert score is not None
    return render(score, 1)


def test_vowels_have_their_formants() -> None:
    see, saw = spoken("ee"), spoken("aw")
    assert band(see, 1900, 2700) > 3 * band(saw, 1900, 2700)
    assert band(saw, 500, 1000) > 3 * band(see, 500, 1000)


def test_hisses_are_high_and_hushes_lower() -> None:
    score = score_of("s", voice_named("default", None), 1.0)
    assert score is not None
    assert band(spoken("iss"), 4500, 8000) > 2 * band(spoken("ish"), 4500, 8000)
    assert band(spoken("ish"), 2200, 4200) > 2 * band(spoken("iss"), 2200, 4200)


def test_a_question_rises_at_its_end() -> None:
    voice = voice_named("default", None)
    asked, told = score_of("you are here?", voice, 1.0), score_of("you are here.", voice, 1.0)
    assert asked is not None
    assert told is not None
    assert asked.pitch[-1] > 1.2 * told.pitch[-1]


def test_voices_differ_in_pitch_and_a_whisper_has_none() -> None:
    high, low = (score_of("hello", voice_named(name, None), 1.0) for name in ("high", "low"))
    whisper = score_of("hello", voice_named("whisper", None), 1.0)
    assert high is not None
    assert low is not None
    assert whisper is not None
    assert high.pitch.mean() > 2 * low.pitch.mean()
    assert not whisper.voice.any()
    assert whisper.noise.max() > 0.2


def test_an_unknown_voice_or_language_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidTask, match="default, low, high"):
        bench.speak(FormantEngine(), "Hello.", voice="nobody")
    with pytest.raises(InvalidTask, match="English only"):
        bench.speak(FormantEngine(), "Hallo.", language="de")


def test_the_sound_is_at_16_khz_and_never_clips(bench: Bench) -> None:
    samples, rate = soundfile.read(bench.speak(FormantEngine(), "A loud and clear voice."))
    assert rate == 16_000
    assert 0.2 < np.abs(samples).max() < 0.95


def test_a_voice_is_raised_by_semitones() -> None:
    voice = voice_named("default", None)
    assert raised(voice, 12).pitch == pytest.approx(2 * voice.pitch)
    plain = score_of("hello", voice, 1.0)
    low = score_of("hello", raised(voice, -12), 1.0)
    assert plain is not None
    assert low is not None
    assert low.pitch.mean() == pytest.approx(plain.pitch.mean() / 2)
    assert (low.formants == plain.formants).all(), "the same speaker"


def test_the_pause_between_sentences_is_as_long_as_was_asked(bench: Bench) -> None:
    def seconds(options: FormantOptions | None) -> float:
        job = bench.job(AudioTtsTask(text="One. Two. Three."), options)
        return float(soundfile.info(FormantEngine().generate(job)).duration)

    normal = seconds(None)
    assert seconds(FormantOptions()) == normal
    assert seconds(FormantOptions(pause=1.25)) == pytest.approx(normal + 2, abs=0.01)
    assert seconds(FormantOptions(pause=0)) == pytest.approx(normal - 0.5, abs=0.01)


def test_the_operator_says_who_speaks_where_a_job_names_nobody(bench: Bench) -> None:
    engine = FormantEngine()
    engine.settings = FormantSettings(voice="high")
    unnamed = bench.speak(engine, "Hello.").read_bytes()
    assert unnamed == bench.speak(FormantEngine(), "Hello.", voice="high").read_bytes()
    assert unnamed != bench.speak(engine, "Hello.", voice="low").read_bytes()


def test_the_setting_has_every_voice() -> None:
    with pytest.raises(InvalidTask) as refused:
        voice_named("nobody", None)
    told = str(refused.value).rpartition("it has ")[2].split(", ")
    assert set(told) == set(get_args(get_type_hints(FormantSettings)["voice"]))
