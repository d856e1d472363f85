"""The operator API (protocol §6)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import requests

from plugins.studio.tests.support.studio_in_thread import StudioInThread

PICTURE = {"kind": "image", "prompt": "a boat"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/workers"),
        ("GET", "/workers/pending"),
        ("POST", "/workers/pending/x/approve"),
        ("POST", "/workers/pending/x/reject"),
        ("GET", "/workers/x"),
        ("DELETE", "/workers/x"),
        ("POST", "/jobs"),
        ("GET", "/jobs"),
        ("GET", "/jobs/x"),
        ("GET", "/jobs/x/events"),
        ("GET", "/jobs/x/result"),
        ("POST", "/jobs/x/retry"),
        ("POST", "/jobs/x/cancel"),
        ("GET", "/models"),
        ("PUT", "/models/x"),
        ("DELETE", "/models/x"),
        ("GET", "/logs"),
        ("GET", "/events"),
        ("GET", "/metrics"),
    ],
)
def test_everything_needs_the_operator_token(
    studio: StudioInThread, method: str, path: str
) -> None:
    worker = studio.new_worker()
    for headers in ({}, {"Authorization": "Bearer no"}, worker.headers):
        answer = requests.request(method, studio.base + path, headers=headers, timeout=60)
        assert answer.status_code == 401
        assert set(answer.json()) == {"error", "message"}


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ({"kind": "image", "prompt": "p", "width": 0}, "width"),
        ({"kind": "image", "prompt": "p", "steps": 20.5}, "steps"),
        ({"kind": "image", "prompt": "p", "seed": 2**64}, "seed"),
        ({"kind": "image", "prompt": "p", "denoise": "0.5"}, "denoise"),
        ({"kind": "llm", "messages": [], "maxTokens": 0}, "maxTokens"),
        ({"kind": "audio_stt", "inputUrl": "u", "timestamps": "letter"}, "timestamps"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name_at_the_queue(
    studio: StudioInThread, task: dict[str, Any], name: str
) -> None:
    answer = studio.raw("POST", "/jobs", json={"model": "synthetic", "task": task})
    assert answer.status_code == 400
    assert name in answer.json()["message"]


def test_the_roster_shows_what_each_worker_does(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    seen = studio.call("GET", f"/workers/{worker.worker_id}")
    assert seen["state"] == "offline"
    assert seen["capabilities"]["machineName"] == "box"
    with worker.session():
        assert studio.call("GET", "/workers")["items"][0]["state"] == "idle"
        job_id = studio.submit()
        worker.take_offer()
        busy = studio.call("GET", f"/workers/{worker.worker_id}")
        assert (busy["state"], busy["currentJobId"]) == ("busy", job_id)
        assert busy["lastHeartbeat"].endswith("Z")
        worker.complete(job_id)
        worker.heartbeat(autoEnabled=False)
        assert studio.call("GET", f"/workers/{worker.worker_id}")["state"] == "paused"
    studio.wait_worker(worker.worker_id, "offline")
    assert studio.raw("GET", "/workers/nobody").status_code == 404
    assert studio.raw("DELETE", "/workers/nobody").status_code == 404


def test_a_registered_model_needs_no_source(studio: StudioInThread) -> None:
    job_id = studio.submit(model="procedural")
    job = studio.job(job_id)
    assert job["engine"] == "procedural"
    assert job["modelSource"]["engine"] == "procedural"
    assert job["state"] == "queued"
    assert not {"workerId", "error", "result", "progress"} & set(job)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"model": "unheard-of", "task": PICTURE}, "unheard-of"),
        ({"model": "procedural", "task": {"kind": "video", "prompt": "x"}}, "procedural"),
        ({"task": PICTURE}, "model"),
        ({"model": "synthetic"}, "task"),
        ({"model": "synthetic", "task": {"kind": "dance"}}, "dance"),
        ({"model": "synthetic", "task": {**PICTURE, "width": 10**9}}, "width"),
        ({"model": "synthetic", "task": PICTURE, "maxAttempts": 0}, "maxAttempts"),
        ([], ""),
    ],
)
def test_a_bad_submission_is_400_and_says_why(
    studio: StudioInThread, body: Any, reason: str
) -> None:
    answer = studio.raw("POST", "/jobs", json=body)
    assert answer.status_code == 400
    assert reason in answer.json()["message"]


def test_a_body_is_bounded(studio: StudioInThread) -> None:
    assert studio.raw("POST", "/jobs", data=b" " * 17_000_000).status_code == 413
    assert studio.raw("POST", "/jobs", data=b"\xff{").status_code == 400


def test_the_registry_is_edited_and_kept(studio: StudioInThread) -> None:
    known = {model["id"] for model in studio.call("GET", "/models")["items"]}
    assert {"synthetic", "procedural", "espeak-ng", "formant-synth", "motion"} <= known
    body = {
        "displayName": "Flux",
        "kind": "image",
        "vramGbEstimate": 6.0,
        "source": {
            "engine": "sd-cpp",
            "files": [{"role": "model", "url": "https://x.example/f", "filename": "f"}],
        },
    }
    assert studio.raw("PUT", "/models/org/flux", json=body).status_code == 201
    assert studio.raw("PUT", "/models/org/flux", json={**body, "enabled": False}).status_code == 200
    assert studio.call("GET", "/models/org/flux")["enabled"] is False
    refused = studio.raw("POST", "/jobs", json={"model": "org/flux", "task": PICTURE})
    assert refused.status_code == 400
    assert "disabled" in refused.json()["message"]
    studio.raw("PUT", "/models/org/flux", json=body)
    assert studio.job(studio.submit(model="org/flux"))["vramGbEstimate"] == 6.0
    assert studio.raw("DELETE", "/models/procedural").status_code == 204
    assert studio.raw("DELETE", "/models/procedural").status_code == 404
    studio.restart()
    known = {model["id"] for model in studio.call("GET", "/models")["items"]}
    assert "org/flux" in known
    assert "procedural" not in known
    assert studio.raw("PUT", "/models/x", json={}).status_code == 400


def test_lists_are_paged(studio: StudioInThread) -> None:
    jobs = [studio.submit() for _ in range(5)]
    first = studio.call("GET", "/jobs?limit=2")
    assert [job["jobId"] for job in first["items"]] == jobs[:2]
    second = studio.call("GET", f"/jobs?limit=2&after={first['next']}")
    assert [job["jobId"] for job in second["items"]] == jobs[2:4]
    last = studio.call("GET", f"/jobs?limit=2&after={second['next']}")
    assert [job["jobId"] for job in last["items"]] == jobs[4:]
    assert "next" not in last
    studio.call("POST", f"/jobs/{jobs[0]}/cancel")
    found = studio.call("GET", "/jobs?state=cancelled")["items"]
    assert [job["jobId"] for job in found] == jobs[:1]
    for query in ("limit=0", "limit=x", "limit=1001", "state=odd"):
        assert studio.raw("GET", f"/jobs?{query}").status_code == 400


def test_a_job_without_a_result_says_so(studio: StudioInThread) -> None:
    job_id = studio.submit()
    assert studio.raw("GET", f"/jobs/{job_id}/result").status_code == 409
    assert studio.raw("GET", "/jobs/job-x/result").status_code == 404
    assert studio.raw("GET", "/jobs/job-x").status_code == 404
    assert studio.raw("POST", "/jobs/job-x/cancel").status_code == 404
    assert studio.raw("POST", "/jobs/job-x/retry").status_code == 404


def test_jobs_survive_a_restart(studio: StudioInThread) -> None:
    job_id = studio.submit()
    studio.restart()
    assert studio.job(job_id)["state"] == "queued"


def test_changes_are_told_as_server_sent_events(studio: StudioInThread) -> None:
    heard: list[str] = []
    listening, both = threading.Event(), threading.Event()

    def listen() -> None:
        with studio.raw("GET", "/events", stream=True) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
                heard.append(line)
                listening.set()
                if {"event: jobsChanged", "event: workersChanged"} <= set(heard):
                    both.set()

    thread = threading.Thread(target=listen)
    thread.start()
    assert listening.wait(60)
    job_id = studio.submit()
    studio.new_worker()
    assert both.wait(60)
    assert any(job_id in line for line in heard if line.startswith("data: "))
    studio.stop()
    thread.join(60)
    assert not thread.is_alive()


def test_unknown_paths_and_methods_are_answered_in_the_same_shape(studio: StudioInThread) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("PATCH", "/jobs", 405)):
        answer = studio.raw(method, path)
        assert answer.status_code == status
        assert set(answer.json()) == {"error", "message"}


def test_the_openapi_document_names_every_endpoint_and_resolves(studio: StudioInThread) -> None:
    document = requests.get(studio.base + "/openapi.json", timeout=60).json()
    assert document["openapi"].startswith("3.1")
    paths = document["paths"]
    assert set(paths["/graphics/api/jobs"]) == {"get", "post"}
    assert "/graphics/api/workers/{worker_id}/jobs/{job_id}/complete" in paths
    assert paths["/graphics/api/models/{model_id}"]["get"]["parameters"][0]["name"] == "model_id"
    schemas = document["components"]["schemas"]

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if "$ref" in value else set()
            return own.union(*(references(item) for item in value.values()))
        if isinstance(value, list):
            return set().union(*(references(item) for item in value))
        return set()

    found = references(document)
    assert found
    assert found <= {f"#/components/schemas/{name}" for name in schemas}
