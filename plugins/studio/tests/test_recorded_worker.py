"""An existing worker as recorded, frame by frame, at our studio (protocol §2 to §4)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from plugins.studio.tests.support.field_worker import FieldWorker
from plugins.studio.tests.support.studio_in_thread import StudioInThread
from tests.support.waiting import eventually

from .recorded_worker import ANSWERS, CAPABILITIES, LOG_ENTRIES, UPLOADS, USER_AGENT, Upload

SYNTHETIC = {"engine": "synthetic", "files": []}


@pytest.fixture
def worker(studio: StudioInThread) -> Iterator[Any]:
    """Registered with the recorded request, welcomed after the recorded hello."""
    joined = studio.new_worker(capabilities=CAPABILITIES, userAgent=USER_AGENT)
    with joined.connected():
        joined.send("hello", authToken=joined.token, capabilities=CAPABILITIES)
        assert joined.expect("welcome")["workerId"] == joined.worker_id
        yield joined


def take(studio: StudioInThread, worker: FieldWorker, task: dict[str, Any]) -> str:
    job_id: str = studio.submit(task, modelSource=SYNTHETIC)
    assert worker.take_offer() == job_id
    worker.send("heartbeat", capabilities=CAPABILITIES, currentJobId=job_id)
    worker.expect("heartbeatAck")
    return job_id


def test_its_request_to_register_shows_what_it_is(studio: StudioInThread) -> None:
    studio.ask("an-install", "ab" * 32, capabilities=CAPABILITIES, userAgent=USER_AGENT)
    (waiting,) = studio.call("GET", "/workers/pending")["items"]
    assert waiting["userAgent"] == USER_AGENT
    assert waiting["capabilities"].items() >= CAPABILITIES.items()


def test_its_heartbeats_are_acknowledged_and_shown(
    studio: StudioInThread, worker: FieldWorker
) -> None:
    worker.send("heartbeat", capabilities=CAPABILITIES)
    worker.expect("heartbeatAck")
    shown = studio.call("GET", f"/workers/{worker.worker_id}")
    assert shown["state"] == "idle"
    assert shown["capabilities"].items() >= CAPABILITIES.items()
    assert shown["lastHeartbeat"]


def test_its_log_is_stored_as_it_came(studio: StudioInThread, worker: FieldWorker) -> None:
    worker.send("logBatch", entries=LOG_ENTRIES)
    worker.send("heartbeat", capabilities=CAPABILITIES)
    worker.expect("heartbeatAck")
    found = eventually("its log", lambda: studio.call("GET", "/logs")["items"])
    kept = [{key: entry[key] for key in LOG_ENTRIES[0]} for entry in found]
    assert kept == LOG_ENTRIES
    assert {entry["workerId"] for entry in found} == {worker.worker_id}


@pytest.mark.parametrize(("task", "answer", "prompt"), ANSWERS.values(), ids=ANSWERS)
def test_its_answers_are_stored_and_acknowledged(
    studio: StudioInThread,
    worker: FieldWorker,
    task: dict[str, Any],
    answer: dict[str, Any],
    prompt: str,
) -> None:
    job_id = take(studio, worker, task)
    worker.send("completeJson", jobId=job_id, result=answer, prompt=prompt)
    assert worker.expect("completeAck")["jobId"] == job_id
    job = studio.job(job_id)
    assert (job["state"], job["prompt"]) == ("done", prompt)
    assert studio.call("GET", f"/jobs/{job_id}/result") == answer


@pytest.mark.parametrize("upload", UPLOADS.values(), ids=UPLOADS)
def test_its_files_are_stored_with_their_type(
    studio: StudioInThread, worker: FieldWorker, upload: Upload
) -> None:
    task, prompt, ext, mime = upload
    job_id = take(studio, worker, task)
    delivered = requests.post(
        f"{worker.base}/workers/{worker.worker_id}/jobs/{job_id}/complete",
        headers=worker.headers,
        data={"prompt": prompt, "ext": ext},
        files={"image": (f"{job_id}.{ext}", b"its bytes", mime)},
        timeout=60,
    )
    assert delivered.status_code == 204
    job = studio.job(job_id)
    assert (job["state"], job["prompt"]) == ("done", prompt)
    assert job["result"] == {
        "ext": ext,
        "mime": mime,
        "bytes": 9,
        "sha256": hashlib.sha256(b"its bytes").hexdigest(),
    }
    assert studio.raw("GET", f"/jobs/{job_id}/result").content == b"its bytes"


def test_its_failures_are_acknowledged_and_counted(
    studio: StudioInThread, worker: FieldWorker
) -> None:
    job_id = take(studio, worker, UPLOADS["image"][0])
    worker.send("fail", jobId=job_id, error="no engine", retryable=True)
    assert worker.expect("failAck")["jobId"] == job_id
    job = studio.job(job_id)
    assert (job["attempts"], job["error"]) == (1, "no engine")
