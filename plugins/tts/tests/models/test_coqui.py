"""The engine coqui in a real lane, with a tiny VITS model through the library's public API."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import shutil
import threading
import wave
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import soundfile

from plugins.tts.tests.models.conftest import VoiceBench
from studio_worker_core.errors import EngineFailed, InvalidTask, JobCancelled

pytestmark = pytest.mark.models

RATE = 16_000
SECONDS_A_SYMBOL = 8 * 256 / RATE
"""What tiny_vits.py gives every symbol, blanks between the letters included."""


def test_a_wav_of_the_length_of_the_text_comes_back(standing: VoiceBench) -> None:
    path = standing.speak("Hello world.")
    with wave.open(str(path)) as sound:
        seconds = sound.getnframes() / sound.getframerate()
        assert sound.getframerate() == RATE
        assert sound.getnchannels() == 1
        assert any(sound.readframes(RATE))
    symbols = 2 * len("hello world.") + 1
    assert seconds == pytest.approx(symbols * SECONDS_A_SYMBOL, rel=0.02)


@pytest.mark.parametrize(
    ("ext", "kind", "subtype"),
    [
        ("mp3", "MP3", "MPEG_LAYER_III"),
        ("ogg", "OGG", "VORBIS"),
        ("flac", "FLAC", "PCM_16"),
        ("opus", "OGG", "OPUS"),
    ],
)
def test_the_asked_format_comes_back(
    standing: VoiceBench, ext: str, kind: str, subtype: str
) -> None:
    expected = soundfile.info(str(standing.speak("Good morning."))).duration
    path = standing.speak("Good morning.", ext=ext)
    info = soundfile.info(str(path))
    assert (path.suffix, info.format, info.subtype) == (f".{ext}", kind, subtype)
    assert info.duration == pytest.approx(expected, abs=0.1)


def test_the_same_job_gives_the_same_bytes_also_in_another_process(
    standing: VoiceBench, fresh: VoiceBench
) -> None:
    text = "One sentence. And a second one."
    first = standing.speak(text).read_bytes()
    standing.speak("Something else in between.")
    assert standing.speak(text).read_bytes() == first
    assert fresh.speak(text).read_bytes() == first


def test_speakers_and_languages_sound_different(standing: VoiceBench) -> None:
    heard = {
        (voice, language): standing.speak("Hello.", voice=voice, language=language).read_bytes()
        for voice in ("alice", "bob")
        for language in ("de", "en")
    }
    assert len(set(heard.values())) == 4
    assert standing.speak("Hello.", voice="default").read_bytes() == heard["alice", "en"]
    assert (
        standing.speak("Hello.", voice="Bob", language="en-GB").read_bytes() == heard["bob", "en"]
    )


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"voice": "bobby"}, "no speaker 'bobby'; did you mean 'bob'"),
        ({"voice": "zoe"}, "its speakers are alice, bob"),
        ({"language": "fr"}, "does not speak 'fr'; its languages are en, de"),
        ({"speed": 20.0}, "speed 20"),
        ({"text": "x" * 30_000}, "STUDIO_WORKER_MAX_TEXT"),
        ({"text": "日本語"}, "no sounds for this text: it cannot say"),
    ],
)
def test_what_the_model_cannot_serve_is_an_invalid_task(
    standing: VoiceBench, task: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidTask) as caught:
        standing.speak(**task)
    assert message in str(caught.value)
    standing.speak("It goes on.")


def test_twice_the_speed_takes_half_the_time(standing: VoiceBench) -> None:
    normal = soundfile.info(str(standing.speak("Hello world."))).frames
    fast = soundfile.info(str(standing.speak("Hello world.", speed=2.0))).frames
    assert fast == pytest.approx(normal / 2, rel=0.05)
    assert soundfile.info(str(standing.speak("Hello world."))).frames == normal


def test_progress_goes_sentence_by_sentence_and_never_back(standing: VoiceBench) -> None:
    standing.progress.clear()
    standing.speak(" ".join(f"This is sentence number {n}, a longer one." for n in range(12)))
    fractions = [fraction for fraction, _ in standing.progress]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert standing.progress[-1][1] == "sentence 12/12"


def test_a_second_job_does_not_load_the_model_again(fresh: VoiceBench) -> None:
    fresh.speak("Hello.")
    pid = fresh.pid()
    fresh.speak("Hello again.", voice="bob")
    assert fresh.pid() == pid


def test_a_cancelled_job_ends_long_before_its_last_sentence(standing: VoiceBench) -> None:
    speaking = threading.Event()
    ended = threading.Event()
    standing.progress.clear()

    def speak() -> None:
        with pytest.raises(JobCancelled):
            standing.speak("A sentence that takes its time to say. " * 400)
        ended.set()

    standing.on_progress = speaking.set
    thread = threading.Thread(target=speak)
    thread.start()
    try:
        assert speaking.wait(60)
        standing.cancel.set()
        thread.join(60)
    finally:
        standing.cancel.clear()
        standing.on_progress = lambda: None
    assert ended.is_set()
    assert standing.progress[-1][0] < 0.5
    standing.speak("And on with the next.")


def damaged(files: Mapping[str, Path], directory: Path, change: Callable[[bytes], bytes]) -> Path:
    path = directory / "damaged.pth"
    path.write_bytes(change(files["model"].read_bytes()))
    return path


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("cut short", lambda data: data[: len(data) // 2]),
        ("noise", lambda data: bytes(len(data))),
        ("a web page", lambda data: b"<html>not found</html>"),
    ],
)
def test_a_damaged_checkpoint_fails_clearly_and_the_next_job_runs(
    fresh: VoiceBench, tmp_path: Path, name: str, change: Callable[[bytes], bytes]
) -> None:
    whole = fresh.files
    fresh.files = {**whole, "model": damaged(whole, tmp_path, change)}
    with pytest.raises(EngineFailed) as caught:
        fresh.speak()
    assert "cannot load 'voice'" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    fresh.files = whole
    assert fresh.speak().stat().st_size > 1000


def test_a_checkpoint_of_another_model_fails_clearly(
    fresh: VoiceBench, one_speaker: dict[str, Path]
) -> None:
    fresh.files = {**fresh.files, "model": one_speaker["model"]}
    with pytest.raises(EngineFailed, match="does not belong to its config"):
        fresh.speak()


def test_the_weights_of_a_model_without_speakers_load_too(
    fresh: VoiceBench, one_speaker: dict[str, Path]
) -> None:
    fresh.files = one_speaker
    fresh.speak(language="en")
    with pytest.raises(InvalidTask, match="one voice"):
        fresh.speak(voice="bob")
    with pytest.raises(InvalidTask, match="speaks 'en', not 'fr'"):
        fresh.speak(language="fr")


class Malicious:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[str, int]]:
        return os.mkdir, (str(self.mark), 0o700)


def plain_pickle(path: Path, value: object) -> None:
    path.write_bytes(pickle.dumps(value))


def torch_zip(path: Path, value: object) -> None:
    """The same in the shape that torch.save gives a file."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(value, protocol=2))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")


@pytest.mark.parametrize("write", [torch_zip, plain_pickle])
@pytest.mark.parametrize("role", ["model", "speakers"])
def test_code_in_a_model_file_never_runs(
    fresh: VoiceBench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    role: str,
    write: Callable[[Path, object], None],
) -> None:
    # What an operator may have set for a training script must not open the door.
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    mark, file = tmp_path / "was-here", tmp_path / "evil.pth"
    write(file, {"model": Malicious(mark)})
    fresh.files = {**fresh.files, role: file}
    with pytest.raises((InvalidTask, EngineFailed)) as caught:
        fresh.speak()
    assert not mark.exists()
    if write is torch_zip:
        assert isinstance(caught.value, InvalidTask)
        assert "brings code is refused" in str(caught.value)


def test_addresses_in_the_config_are_not_fetched(fresh: VoiceBench, tmp_path: Path) -> None:
    import socket

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/speakers.json"
        config = json.loads(fresh.files["config"].read_text("utf-8"))
        config["model_args"]["speakers_file"] = config["speakers_file"] = address
        config["model_args"]["d_vector_file"] = [address]
        changed = tmp_path / "config.json"
        changed.write_text(json.dumps(config), "utf-8")
        files = {**fresh.files, "config": changed}
        fresh.files = {role: path for role, path in files.items() if role != "speakers"}
        with pytest.raises((InvalidTask, EngineFailed)):
            fresh.speak()
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_a_phoneme_model_without_espeak_ng_says_what_to_install(
    fresh: VoiceBench, make_voice: Callable[..., dict[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh.files = make_voice("--phonemes")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EngineFailed, match="apt install espeak-ng"):
        fresh.speak()


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not on the PATH")
def test_a_phoneme_model_speaks_with_espeak_ng(
    fresh: VoiceBench, make_voice: Callable[..., dict[str, Path]]
) -> None:
    fresh.files = make_voice("--phonemes")
    assert fresh.speak().stat().st_size > 1000


def test_nothing_is_left_in_the_temporary_directory(
    fresh: VoiceBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    before = {role: path.read_bytes() for role, path in fresh.files.items()}
    fresh.speak()
    ours = itertools.chain(temporary.glob("studio-worker-coqui-*"))
    assert list(ours) == []
    assert {role: path.read_bytes() for role, path in fresh.files.items()} == before
