"""``studio submit`` with files of this machine, and with parameters of an engine's own."""

from __future__ import annotations

import base64
import wave
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from plugins.studio.tests.support.commands import Run
from plugins.studio.tests.support.studio_in_thread import StudioInThread
from studio_worker_core.wire.bounds import MAX_FRAME_BYTES


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "no-name-that-tells"
    Image.new("RGB", (8, 8), "red").save(path, "PNG")
    return path


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "said.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    return path


def queued(studio: StudioInThread, run: Run, *options: str) -> dict[str, Any]:
    done = run("submit", "--model", "synthetic", *options)
    assert done.code == 0, done.err
    task = studio.job(done.out.strip())["task"]
    assert isinstance(task, dict)
    return task


def inline(path: Path, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(path.read_bytes()).decode()}"


def test_pictures_travel_in_the_task(studio: StudioInThread, run: Run, picture: Path) -> None:
    files = ("--input", str(picture), "--mask", str(picture))
    task = queued(studio, run, "--kind", "image", "--prompt", "x", *files)
    assert task["initImageUrl"] == task["maskUrl"] == inline(picture, "image/png")
    task = queued(studio, run, "--kind", "llm", "--prompt", "what is it?", *files[:2])
    assert task["images"] == [inline(picture, "image/png")]
    task = queued(studio, run, "--kind", "video", "--prompt", "x", *files[:2])
    assert task["initImageUrl"] == inline(picture, "image/png")


def test_a_sound_travels_in_the_task_and_a_worker_gets_it(
    studio: StudioInThread, run: Run, sound: Path
) -> None:
    task = queued(studio, run, "--kind", "audio_stt", "--input", str(sound))
    assert task["inputUrl"] == inline(sound, "audio/wav")
    worker = studio.new_worker()
    with worker.session():
        assert worker.expect("offer")["claim"]["task"]["inputUrl"] == task["inputUrl"]


def test_parameters_of_the_engines_own_keep_their_types(studio: StudioInThread, run: Run) -> None:
    given = (
        "--param",
        "pitch=-3",
        "--param",
        "name=a=b",
        "--param",
        "soft=true",
        "--param",
        "x=NaN",
    )
    task = queued(studio, run, "--kind", "audio_tts", "--text", "x", *given)
    assert task["options"] == {"pitch": -3, "name": "a=b", "soft": True, "x": "NaN"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--kind", "audio_tts", "--text", "x", "--input", "{picture}"), "--input is for jobs"),
        (("--kind", "image", "--prompt", "x", "--input", "{sound}"), "no picture of a known"),
        (("--kind", "audio_stt", "--input", "{picture}"), "no sound of a known"),
        (("--kind", "image", "--prompt", "x", "--input", "{picture}x"), "No such file"),
        (("--kind", "image", "--prompt", "x", "--input", "{large}"), "more than 11 MiB"),
        (("--kind", "video", "--prompt", "x", "--mask", "{picture}"), "maskUrl: not for video"),
        (
            ("--kind", "audio_stt", "--input", "{sound}", "--input-url", "https://h/x"),
            "inputUrl: give a file or an address",
        ),
        (("--kind", "audio_stt"), "audio_stt jobs need --input or --input-url"),
        (("--kind", "audio_tts", "--text", "x", "--param", "pitch"), "--param must be NAME=VALUE"),
        (
            ("--kind", "audio_tts", "--text", "x", "--param", "a=1", "--param", "a=2"),
            "--param a is given twice",
        ),
    ],
)
def test_what_cannot_be_taken_is_named_and_nothing_is_queued(
    studio: StudioInThread,
    run: Run,
    picture: Path,
    sound: Path,
    options: tuple[str, ...],
    told: str,
) -> None:
    large = picture.with_name("large")
    with large.open("wb") as file:
        file.truncate(11 * 2**20 + 1)
    names = {"picture": picture, "sound": sound, "large": large}
    done = run("submit", "--model", "m", *(option.format(**names) for option in options))
    assert done.code == 2
    assert told in " ".join(done.err.split())
    assert studio.call("GET", "/jobs")["items"] == []


def test_the_largest_file_fits_into_an_offer(
    studio: StudioInThread, run: Run, picture: Path
) -> None:
    with picture.open("r+b") as file:
        file.truncate(11 * 2**20)
    queued(studio, run, "--kind", "image", "--prompt", "x", "--input", str(picture))
    worker = studio.new_worker()
    with worker.session():
        assert worker.expect("offer")["claim"]["task"]["initImageUrl"].startswith("data:")


def test_a_task_that_no_worker_could_read_is_refused(studio: StudioInThread) -> None:
    # Short as it comes, and five times as long as it is told on.
    schema = [1e15] * (MAX_FRAME_BYTES // 16)
    body = (
        '{"model":"synthetic","task":{"kind":"llm","messages":[],"jsonSchema":['
        + ",".join("1e15" for _ in schema)
        + "]}}"
    )
    answer = studio.raw("POST", "/jobs", data=body)
    assert answer.status_code == 413
    assert "no worker reads a longer offer" in answer.json()["message"]
