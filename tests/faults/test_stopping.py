"""SIGTERM, Ctrl-C and the studio's cancel."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

from studio_worker_core.testing.http_gateway import HttpGateway, Rule
from studio_worker_core.testing.processes import eventually
from studio_worker_core.testing.tcp_proxy import FaultProxy

SIGNALS = [signal.SIGTERM, signal.SIGINT]


def running(field: Any, prompt: str, **more: Any) -> str:
    """Submit a job and wait until its engine shows progress."""
    job_id: str = field.submit(prompt, **more)
    eventually("progress", lambda: field.operator.job(job_id).get("progress"))
    return job_id


@pytest.mark.parametrize("number", SIGNALS)
def test_a_job_that_ends_within_the_grace_time_is_delivered(field: Any, number: int) -> None:
    worker = field.faulty_worker()
    job_id = running(field, "slow:3")
    waiting = field.submit("ok")
    worker.signal(number)
    assert worker.wait() == 0
    assert field.operator.job(job_id)["state"] == "done"
    assert field.operator.job(waiting)["state"] == "queued", "no new offers were taken"
    assert "Traceback" not in worker.output


@pytest.mark.parametrize("number", SIGNALS)
def test_a_job_that_outlasts_the_grace_time_is_handed_to_another_worker(
    field: Any, no_orphans: Any, number: int
) -> None:
    worker = field.faulty_worker(settings="shutdown_grace_seconds = 1.0\n")
    job_id = running(field, "slow:600")
    below = worker.descendants()
    started = time.monotonic()
    worker.signal(number)
    assert worker.wait() == 0
    assert time.monotonic() - started < 15
    no_orphans(below)
    job = field.operator.wait_job(job_id, "queued", timeout=10)
    assert job["attempts"] == 1
    assert job["error"] == "the worker is shutting down"
    last = f"job {job_id} failed: the worker is shutting down"
    eventually(
        "the last log line at the studio",
        lambda: last in [e["message"] for e in field.operator.listing("/logs?limit=500")],
    )
    impatient = field.enrol() + "shutdown_grace_seconds = 0.0\n"
    second = field.worker("second", settings=impatient, env=field.env)
    second.wait_line(f"accepted job {job_id}")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_ends_everything_at_once(field: Any, no_orphans: Any, number: int) -> None:
    worker = field.faulty_worker()
    running(field, "deaf:600")
    below = worker.descendants()
    assert below
    worker.signal(number)
    worker.wait_line("has 30 s to finish")
    started = time.monotonic()
    worker.signal(number)
    assert worker.wait() == 128 + number
    assert time.monotonic() - started < 1
    no_orphans(below)


def test_sigterm_while_waiting_for_approval(field: Any) -> None:
    worker = field.worker(env=field.env)
    worker.wait_line("waiting for the studio's operator to approve")
    started = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - started < 5


def test_sigterm_while_the_studio_does_not_answer(field: Any) -> None:
    with HttpGateway(field.studio.url) as gateway:
        held = gateway.add(Rule("/register-request", hold="request"))
        worker = field.worker(url=gateway.url, env=field.env)
        assert held.reached.wait(30)
        started = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - started < 5


def test_sigterm_while_reconnecting(field: Any) -> None:
    worker = field.faulty_worker()
    field.studio.stop()
    worker.wait_line("connecting again in")
    started = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - started < 5


def test_sigterm_with_a_result_that_cannot_be_delivered_keeps_it(
    field: Any, results_of: Any
) -> None:
    with HttpGateway(field.studio.url) as gateway:
        worker = field.faulty_worker(url=gateway.url)
        down = gateway.add(Rule("/complete", status=503, times=10_000))
        job_id = field.submit("ok")
        eventually("a refused upload", lambda: gateway.statuses("/complete"))
        assert worker.stop() == 0
        assert len(results_of(worker)) == 1
        down.times = 0
        worker.start()
        assert field.finishes(job_id)["attempts"] <= 1
        eventually("an empty outbox", lambda: not results_of(worker))


# cancel


@pytest.mark.parametrize("prompt", ["slow:600", "deaf:600", "ignoreterm"])
def test_a_cancelled_job_stops_within_two_seconds(standing: Any, prompt: str) -> None:
    standing.finishes(standing.submit("ok"))
    job_id = running(standing, prompt)
    started = time.monotonic()
    standing.operator.call("POST", f"/jobs/{job_id}/cancel")
    job = standing.operator.wait_job(job_id)
    # Two seconds for the engine, some for processes that share a busy machine.
    assert time.monotonic() - started < 4
    assert job["state"] == "cancelled"
    standing.workers[0].wait_line(f"job {job_id} failed: cancelled")
    standing.finishes(standing.submit("ok"))


def test_a_job_cancelled_while_its_result_is_on_the_way(field: Any, results_of: Any) -> None:
    with HttpGateway(field.studio.url) as gateway:
        worker = field.faulty_worker(url=gateway.url)
        held = gateway.add(Rule("/complete", hold="request"))
        job_id = field.submit("ok")
        assert held.reached.wait(30)
        field.operator.call("POST", f"/jobs/{job_id}/cancel")
        held.release.set()
        job = field.operator.wait_job(job_id)
        assert job["state"] in ("done", "cancelled")
        eventually("an empty outbox", lambda: not results_of(worker))
        kept = list(worker.outbox.glob("refused/*/manifest.json"))
        assert len(kept) == (job["state"] == "cancelled"), "delivered, or refused and kept"
        field.finishes(field.submit("ok"))


def test_a_job_cancelled_while_the_worker_is_away(field: Any, results_of: Any) -> None:
    with FaultProxy(("127.0.0.1", field.studio.port)) as proxy:
        worker = field.faulty_worker(url=proxy.url)
        job_id = running(field, "slow:600")
        proxy.refuse()
        proxy.reset()
        worker.wait_line("connecting again")
        field.operator.call("POST", f"/jobs/{job_id}/cancel")
        proxy.accept()
        assert field.operator.wait_job(job_id)["state"] == "cancelled"
        field.finishes(field.submit("ok"))
