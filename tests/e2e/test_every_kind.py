"""Registration to approval to a finished job of each kind, against the real studio."""

from __future__ import annotations

import io
import math
import wave
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.field import Field


def synthetic(kind: str, **task: Any) -> dict[str, Any]:
    return {"kind": kind, **task}


def run(standing: Field, task: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    operator = standing.operator
    job_id = operator.submit("synthetic", task, modelSource={"engine": "synthetic", "files": []})
    job = operator.wait_job(job_id)
    assert job["state"] == "done", job
    return job, operator.result(job_id)


@pytest.mark.parametrize("ext", ["png", "webp", "jpg"])
def test_an_image_comes_back_at_the_asked_size_in_the_asked_format(
    standing: Field, ext: str
) -> None:
    task = synthetic("image", prompt="a red fox", width=96, height=64, seed=7, ext=ext)
    job, data = run(standing, task)
    picture = Image.open(io.BytesIO(data))
    assert picture.size == (96, 64)
    assert picture.format == {"png": "PNG", "webp": "WEBP", "jpg": "JPEG"}[ext]
    assert job["result"]["ext"] == ext
    assert job["result"]["mime"] == f"image/{'jpeg' if ext == 'jpg' else ext}"
    assert job["result"]["bytes"] == len(data)


def test_speech_comes_back_as_a_wav(standing: Field) -> None:
    job, data = run(standing, synthetic("audio_tts", text="hello from the worker"))
    with wave.open(io.BytesIO(data)) as sound:
        assert sound.getnframes() > 0
    assert job["result"]["mime"] == "audio/wav"


def test_a_video_comes_back_as_an_animation_of_the_asked_length(standing: Field) -> None:
    task = synthetic("video", prompt="waves", seconds=1.5, fps=10, width=64, height=48, ext="webp")
    _, data = run(standing, task)
    clip = Image.open(io.BytesIO(data))
    assert clip.size == (64, 48)
    frames = getattr(clip, "n_frames", 1)
    assert frames > 1
    total = 0
    for index in range(frames):
        clip.seek(index)
        clip.load()
        total += clip.info["duration"]
    assert math.isclose(total, 1500, abs_tol=10)


def test_a_chat_completion_comes_back_as_json(standing: Field) -> None:
    task = synthetic("llm", messages=[{"role": "user", "content": "say hello"}])
    job, answer = run(standing, task)
    assert answer["choices"][0]["message"]["role"] == "assistant"
    assert answer["choices"][0]["message"]["content"]
    assert job["result"]["json"] == answer


def test_a_transcript_comes_back_as_json(standing: Field, tmp_path: Path) -> None:
    from http.server import HTTPServer, SimpleHTTPRequestHandler
    from threading import Thread

    sound = tmp_path / "served" / "speech.wav"
    sound.parent.mkdir()
    with wave.open(str(sound), "wb") as out:
        out.setparams((1, 2, 16000, 0, "NONE", ""))
        out.writeframes(b"\x00\x10" * 16000)

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(sound.parent))

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/speech.wav"
            _, answer = run(standing, synthetic("audio_stt", inputUrl=url))
        finally:
            server.shutdown()
            thread.join()
    assert answer["text"]
    assert answer["segments"]
