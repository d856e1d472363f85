"""What both engines promise, decoded and measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import soundfile

from plugins.tts.tests.bench import Bench
from studio_worker_core.plugin import Engine, ImageTask, InvalidTask, JobCancelled
from studio_worker_tts.espeak.engine import EspeakEngine
from studio_worker_tts.formant.engine import FormantEngine

TEXT = "Hello from the studio. She sells sea shells, and he said nothing at all."
ENGINES = [EspeakEngine, FormantEngine]

both = pytest.mark.parametrize("make", ENGINES)


def level(samples: Any) -> float:
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float64)))))


@both
@pytest.mark.parametrize(
    ("ext", "kind", "subtype"),
    [
        ("wav", "WAV", "PCM_16"),
        ("mp3", "MP3", "MPEG_LAYER_III"),
        ("ogg", "OGG", "VORBIS"),
        ("flac", "FLAC", "PCM_16"),
        ("opus", "OGG", "OPUS"),
    ],
)
def test_every_format_decodes_to_the_same_speech(
    bench: Bench, make: type[Engine], ext: str, kind: str, subtype: str
) -> None:
    engine = make()
    wanted, rate = soundfile.read(bench.speak(engine, TEXT))
    path = bench.speak(engine, TEXT, ext=ext)
    assert path.suffix == f".{ext}"
    info = soundfile.info(path)
    assert (info.format, info.subtype, info.channels) == (kind, subtype, 1)
    got, got_rate = soundfile.read(path)
    assert len(got) / got_rate == pytest.approx(len(wanted) / rate, abs=0.12)
    assert level(got) == pytest.approx(level(wanted), rel=0.1)


@both
def test_an_unknown_format_is_answered_in_wav(bench: Bench, make: type[Engine]) -> None:
    assert bench.speak(make(), "Hello.", ext="xyz").suffix == ".wav"


@both
def test_the_same_task_gives_the_same_bytes(bench: Bench, make: type[Engine]) -> None:
    engine = make()
    first = bench.speak(engine, TEXT).read_bytes()
    bench.speak(engine, "Something else in between, to leave traces.")
    assert bench.speak(engine, TEXT).read_bytes() == first
    assert bench.speak(make(), TEXT).read_bytes() == first


@both
def test_speed_scales_the_length(bench: Bench, make: type[Engine]) -> None:
    engine = make()
    lengths = {
        speed: soundfile.info(bench.speak(engine, TEXT, speed=speed)).duration
        for speed in (0.5, 1.0, 2.0)
    }
    assert lengths[0.5] == pytest.approx(2 * lengths[1.0], rel=0.2)
    assert lengths[2.0] == pytest.approx(lengths[1.0] / 2, rel=0.2)


@both
@pytest.mark.parametrize("speed", [0.1, 9.0])
def test_a_speed_nobody_can_speak_is_refused(
    bench: Bench, make: type[Engine], speed: float
) -> None:
    with pytest.raises(InvalidTask, match=r"0\.25 to 4"):
        bench.speak(make(), "Hello.", speed=speed)


@both
@pytest.mark.parametrize("text", ["", "  \n", "?!..."])
def test_a_text_without_words_is_refused(bench: Bench, make: type[Engine], text: str) -> None:
    with pytest.raises(InvalidTask):
        bench.speak(make(), text)


@both
def test_a_text_over_the_limit_names_the_limit_and_the_remedy(
    bench: Bench, make: type[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_WORKER_MAX_TEXT", "10")
    with pytest.raises(InvalidTask, match=r"up to 10; set STUDIO_WORKER_MAX_TEXT"):
        bench.speak(make(), "Hello there, you.")


@both
def test_progress_goes_forward_to_the_end(bench: Bench, make: type[Engine]) -> None:
    bench.speak(make(), "One. Two. Three.")
    assert bench.progress == sorted(bench.progress)
    assert len(bench.progress) == 3
    assert bench.progress[-1] == 1.0


@both
def test_a_cancelled_job_ends_at_the_next_sentence(bench: Bench, make: type[Engine]) -> None:
    bench.cancel_after = 2
    with pytest.raises(JobCancelled):
        bench.speak(make(), "One. Two. Three. Four. Five.")
    assert len(bench.progress) == 2


@both
def test_another_kind_of_task_is_refused(bench: Bench, make: type[Engine]) -> None:
    with pytest.raises(InvalidTask):
        make().generate(bench.job(ImageTask(prompt="x")))


@both
def test_two_minutes_and_more_of_vorbis_survive(bench: Bench, make: type[Engine]) -> None:
    path = bench.speak(make(), "This sentence is said again. " * 60, ext="ogg", speed=0.6)
    assert soundfile.info(path).duration > 120
