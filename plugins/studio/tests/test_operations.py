"""What those who watch over the process ask: liveness, readiness, metrics."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from plugins.studio.tests.support.studio_in_thread import CHAT, StudioInThread

READY = {"status": "ready", "checks": {"database": "ok", "results": "ok"}}


def asked(studio: StudioInThread, path: str, *, at_root: bool = False) -> requests.Response:
    base = studio.url.rstrip("/") if at_root else studio.base
    return requests.get(base + path, timeout=60)


@pytest.mark.parametrize("at_root", [False, True])
def test_liveness_and_readiness_need_no_token(studio: StudioInThread, at_root: bool) -> None:
    alive = asked(studio, "/healthz", at_root=at_root)
    assert alive.json() == {"status": "ok", "version": "0.1.0"}
    ready = asked(studio, "/readyz", at_root=at_root)
    assert (ready.status_code, ready.json()) == (200, READY)
    assert list((studio.settings.results / ".incoming").iterdir()) == []


def test_a_place_that_takes_no_result_is_told_until_it_does(
    studio: StudioInThread, caplog: pytest.LogCaptureFixture
) -> None:
    incoming = studio.settings.results / ".incoming"
    incoming.rmdir()
    incoming.write_bytes(b"")
    caplog.set_level("INFO")
    for _ in range(2):
        answer = asked(studio, "/readyz")
        assert answer.status_code == 503
        assert answer.json() == {
            "status": "not_ready",
            "checks": {"database": "ok", "results": "failed"},
        }
        assert str(studio.settings.data) not in answer.text
    incoming.unlink()
    incoming.mkdir(0o700)
    assert asked(studio, "/readyz").json() == READY
    said = [m for m in caplog.messages if m.startswith(("not ready", "ready again"))]
    assert len(said) == 2
    assert said[0].startswith("not ready: results: ")
    assert said[1] == "ready again: results"


def test_a_database_that_fails_is_told(studio: StudioInThread) -> None:
    with closing(sqlite3.connect(studio.settings.database)) as database:
        database.execute("DROP TABLE models")
    answer = asked(studio, "/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "failed", "results": "ok"}
    assert asked(studio, "/healthz").ok


def numbers(studio: StudioInThread) -> dict[tuple[str, ...], float]:
    """Every number under its name and the values of its labels."""
    answer = requests.get(
        studio.url + "metrics", headers={"Authorization": f"Bearer {studio.token}"}, timeout=60
    )
    assert answer.ok
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_need_the_token_at_the_root_too(studio: StudioInThread) -> None:
    assert asked(studio, "/metrics", at_root=True).status_code == 401


def test_metrics_tell_what_is_there_and_what_became_of_jobs(studio: StudioInThread) -> None:
    empty = numbers(studio)
    assert empty["studio_jobs", "queued"] == empty["studio_workers_connected", "idle"] == 0
    assert empty["studio_oldest_waiting_job_seconds",] == 0
    worker = studio.new_worker()
    studio.submit()
    studio.time.shift += 20
    assert numbers(studio)["studio_oldest_waiting_job_seconds",] == 20
    with worker.session():
        finished = worker.take_offer()
        busy = numbers(studio)
        assert busy["studio_jobs", "claimed"] == busy["studio_workers_connected", "busy"] == 1
        studio.time.shift += 2
        worker.complete(finished)
        failing = studio.submit(CHAT, maxAttempts=1)
        worker.take_offer()
        worker.send("fail", jobId=failing, error="no", retryable=False)
        worker.expect("failAck")
        studio.wait_state(failing, "failed")
        worker.heartbeat(autoEnabled=False)
        gone = studio.submit(CHAT)
        studio.call("POST", f"/jobs/{gone}/cancel")
        told = numbers(studio)
    assert told["studio_jobs", "done"] == told["studio_jobs", "failed"] == 1
    assert told["studio_jobs_ended_total", "image", "done"] == 1
    assert told["studio_jobs_ended_total", "llm", "failed"] == 1
    assert told["studio_jobs_ended_total", "llm", "cancelled"] == 1
    assert told["studio_job_duration_seconds_bucket", "image", "1.0"] == 0
    assert told["studio_job_duration_seconds_bucket", "image", "2.5"] == 1
    assert told["studio_job_duration_seconds_bucket", "image", "+Inf"] == 1
    assert told["studio_job_duration_seconds_sum", "image"] == 2
    assert told["studio_data_free_bytes",] > 0
    assert told["process_resident_memory_bytes",] > 0


def test_pending_registrations_are_counted(studio: StudioInThread) -> None:
    assert studio.ask("install-1", "secret").ok
    assert numbers(studio)["studio_pending_registrations",] == 1
