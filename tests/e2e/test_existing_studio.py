"""Our worker with a studio as they are in the field."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response

from tests.support.processes import WorkerProcess
from tests.support.waiting import eventually

from .existing_studio import ExistingStudio, Loss

ZEROS = {"cfgScale": 0, "steps": 0, "width": 0, "height": 0}
LIMIT = 90.0


@pytest.fixture
def studio() -> Iterator[ExistingStudio]:
    with ExistingStudio() as studio:
        yield studio


def claim(kind: str, engine: str = "synthetic", **task: Any) -> dict[str, Any]:
    return {
        "jobId": f"job-{kind}",
        "gameId": "g",
        "assetName": f"g/{kind}/a",
        "model": "synthetic",
        "vramGbEstimate": 0.0,
        "task": {"kind": kind, **task},
        "modelSource": {"engine": engine, "files": [], "cliDefaults": ZEROS},
    }


PICTURE: dict[str, Any] = {"prompt": "a fox", "width": 64, "height": 64, "ext": "png"}


def outcome(studio: ExistingStudio, job_id: str) -> dict[str, Any]:
    done = eventually(job_id, lambda: studio.done.get(job_id), timeout=LIMIT)
    assert done is not None
    return done


def sound() -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as out:
        out.setparams((1, 2, 16000, 0, "NONE", ""))
        out.writeframes(b"\x00\x10" * 16000)
    return made.getvalue()


def test_every_kind_is_done_for_a_studio_without_extensions(
    studio: ExistingStudio, tmp_path: Path
) -> None:
    studio.sound = sound()
    studio.jobs += [
        claim("image", **PICTURE, seed=2**64 - 1, steps=0),
        claim("audio_tts", text="hello", voice="default", speed=0),
        claim("video", prompt="waves", seconds=1, fps=4, width=64, height=64, ext="gif"),
        claim("llm", messages=[{"role": "user", "content": "hi"}], maxTokens=0, topP=0),
        claim("audio_stt", inputUrl=f"{studio.url}sound.wav"),
        {**claim("image", "procedural", **PICTURE), "jobId": "job-foreign"},
    ]
    with WorkerProcess(tmp_path / "worker", studio.url) as worker:
        picture = outcome(studio, "job-image")
        assert (picture["filename"], picture["mime"]) == ("job-image.png", "image/png")
        assert (picture["prompt"], picture["ext"]) == ("a fox", "png")
        assert outcome(studio, "job-audio_tts")["mime"] == "audio/wav"
        assert outcome(studio, "job-video")["bytes"]
        chat = outcome(studio, "job-llm")
        assert chat["prompt"] == "user: hi"
        assert chat["result"]["choices"][0]["message"]["content"]
        assert outcome(studio, "job-audio_stt")["result"]["text"]
        told = eventually(
            "the job's log",
            lambda: [e for e in studio.logs if "the offer's steps" in e["message"]],
            timeout=LIMIT,
        )
        assert told[0]["jobId"] == "job-image"
        assert worker.stop() == 0
    assert studio.violations == []
    assert [each["jobId"] for each in studio.jobs] == ["job-foreign"]


@pytest.mark.parametrize("code", ["internal_error", "maintenance"])
def test_an_error_it_does_not_know_costs_a_reconnect_and_no_job(
    studio: ExistingStudio, tmp_path: Path, code: str
) -> None:
    studio.said_first.append({"type": "error", "code": code, "message": "back soon", "hint": 7})
    studio.jobs.append(claim("image", **PICTURE))
    with WorkerProcess(tmp_path / "worker", studio.url) as worker:
        assert outcome(studio, "job-image")["mime"] == "image/png"
        assert worker.stop() == 0
    assert studio.sessions > 1
    assert studio.violations == []


def told(studio: ExistingStudio, job_id: str, words: str) -> str:
    """The line about a job that was shipped to the studio."""

    def probe() -> list[str]:
        entries = [e for e in studio.logs if e.get("jobId") == job_id]
        return [e["message"] for e in entries if words in e["message"]]

    return eventually(f"{words!r} of {job_id}", probe, timeout=LIMIT)[0]


@pytest.mark.parametrize("loss", ["close without a code", "no close"])
def test_a_job_that_it_gave_away_when_the_session_was_lost_ends_there_and_the_next_is_done(
    studio: ExistingStudio, tmp_path: Path, loss: Loss
) -> None:
    chat = claim("llm", messages=[{"role": "user", "content": "hi"}])
    studio.jobs += [claim("image", **PICTURE), chat, claim("audio_tts", text="hello")]
    studio.losses = {"job-image": loss, "job-llm": loss}
    with WorkerProcess(tmp_path / "worker", studio.url) as worker:
        assert outcome(studio, "job-audio_tts")["mime"] == "audio/wav"
        for job_id in ("job-image", "job-llm"):
            told(studio, job_id, "is not delivered: the studio no longer holds this job")
        assert worker.stop() == 0
    assert studio.uploads.count("job-image") == 1
    assert studio.done.keys() == {"job-audio_tts"}
    assert studio.sessions >= 3
    assert studio.violations == []


def test_an_upload_that_it_could_not_take_for_now_goes_again(
    studio: ExistingStudio, tmp_path: Path
) -> None:
    studio.jobs.append(claim("image", **PICTURE))
    studio.answers["job-image"] = [Response(status_code=500), JSONResponse({"ok": True})]
    with WorkerProcess(tmp_path / "worker", studio.url) as worker:
        assert outcome(studio, "job-image")["mime"] == "image/png"
        assert told(studio, "job-image", "delivered the result")
        assert worker.stop() == 0
    assert studio.uploads == ["job-image", "job-image"]
    assert studio.violations == []


def test_an_upload_that_is_not_its_own_any_more_ends_there_without_a_frame(
    studio: ExistingStudio, tmp_path: Path
) -> None:
    studio.jobs += [claim("image", **PICTURE), claim("audio_tts", text="hello")]
    studio.answers["job-image"] = [JSONResponse({"error": "not claimed"}, 409)]
    with WorkerProcess(tmp_path / "worker", studio.url) as worker:
        assert outcome(studio, "job-audio_tts")["mime"] == "audio/wav"
        assert told(studio, "job-image", "the studio no longer holds this job")
        assert worker.stop() == 0
    assert studio.uploads.count("job-image") == 1
    assert studio.done.keys() == {"job-audio_tts"}
    assert studio.violations == []


def test_an_upload_too_large_for_the_server_before_it_fails_the_job_in_words(
    studio: ExistingStudio, tmp_path: Path
) -> None:
    page = "<html><head><title>413 Request Entity Too Large</title></head><body></body></html>"
    studio.jobs.append(claim("image", **PICTURE))
    studio.answers["job-image"] = [HTMLResponse(page, 413)]
    with WorkerProcess(tmp_path / "worker", studio.url) as worker:
        failed = outcome(studio, "job-image")
        assert worker.stop() == 0
    assert failed["type"] == "fail"
    assert "the studio says the file is too large" in failed["error"]
    assert "<" not in failed["error"]
    assert studio.uploads == ["job-image"]
    assert studio.violations == []


def test_an_approval_that_takes_its_time_is_waited_for_with_one_request(tmp_path: Path) -> None:
    with ExistingStudio(polls_before_approval=2) as studio:
        studio.jobs.append(claim("image", **PICTURE))
        with WorkerProcess(tmp_path / "worker", studio.url) as worker:
            assert outcome(studio, "job-image")["mime"] == "image/png"
            assert worker.stop() == 0
    assert studio.asked == 1
    assert studio.violations == []


def test_a_model_above_memory_max_gb_is_turned_down_again_and_again_and_no_other_job(
    studio: ExistingStudio, tmp_path: Path
) -> None:
    kept = {**ZEROS, "offloadToCpu": True}
    file = {"role": "model", "url": studio.url, "filename": "m", "approxBytes": 2**30}
    source = {"engine": "synthetic", "files": [file], "cliDefaults": kept}
    huge = {**claim("image", **PICTURE, steps=0), "modelSource": source}
    studio.jobs += [huge, claim("audio_tts", text="hello")]
    with WorkerProcess(tmp_path / "worker", studio.url, settings="memory_max_gb = 4\n") as worker:
        assert outcome(studio, "job-audio_tts")["mime"] == "audio/wav"
        assert told(studio, "job-image", "GiB are left of memory_max_gb")
        assert worker.stop() == 0
    assert studio.done.keys() == {"job-audio_tts"}
    assert "the offer's steps" not in worker.output
    assert studio.violations == []
