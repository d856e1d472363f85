"""SIGTERM, Ctrl-C and the studio's cancel."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.fault_field import FaultField, gone, outbox_jobs
from tests.support.http_gateway import HttpGateway, Rule
from tests.support.tcp_proxy import FaultProxy
from tests.support.waiting import eventually

SIGNALS = [signal.SIGTERM, signal.SIGINT]


def running(field: FaultField, prompt: str, **more: Any) -> str:
    """Submit a job and wait until its engine shows progress."""
    job_id: str = field.submit(prompt, **more)
    eventually("progress", lambda: field.operator.job(job_id).get("progress"))
    return job_id


@pytest.mark.parametrize("number", SIGNALS)
def test_a_job_that_ends_within_the_grace_time_is_delivered(
    field: FaultField, tmp_path: Path, number: int
) -> None:
    worker = field.faulty_worker(settings="shutdown_grace_seconds = 300.0\n")
    job_id = running(field, f"until:{tmp_path / 'over'}")
    waiting = field.submit("ok")
    worker.signal(number)
    worker.wait_line(f"job {job_id} has 300 s to finish")
    (tmp_path / "over").touch()
    assert worker.wait() == 0
    assert field.operator.job(job_id)["state"] == "done"
    assert field.operator.job(waiting)["state"] == "queued", "no new offers were taken"
    assert "Traceback" not in worker.output


@pytest.mark.parametrize("number", SIGNALS)
def test_a_job_that_outlasts_the_grace_time_is_handed_to_another_worker(
    field: FaultField, number: int
) -> None:
    worker = field.faulty_worker(settings="shutdown_grace_seconds = 1.0\n")
    job_id = running(field, "slow:600")
    below = worker.descendants()
    worker.signal(number)
    worker.wait_line(f"job {job_id} has 1 s to finish")
    assert worker.wait() == 0
    gone(below)
    job = field.operator.wait_job(job_id, "queued", timeout=60)
    assert job["attempts"] == 0
    last = f"job {job_id} failed: the worker is shutting down"
    eventually(
        "the last log line at the studio",
        lambda: last in [e["message"] for e in field.operator.listing("/logs")],
    )
    impatient = field.enrol() + "shutdown_grace_seconds = 0.0\n"
    second = field.worker("second", settings=impatient, env=field.env)
    second.wait_line(f"accepted job {job_id}")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_ends_everything_at_once(field: FaultField, number: int) -> None:
    worker = field.faulty_worker(settings="shutdown_grace_seconds = 600.0\n")
    running(field, "deaf:600")
    below = worker.descendants()
    assert below
    worker.signal(number)
    worker.wait_line("has 600 s to finish")
    worker.signal(number)
    assert worker.wait() == 128 + number
    gone(below)


def test_sigterm_while_waiting_for_approval(field: FaultField) -> None:
    worker = field.worker(env=field.env)
    worker.wait_line("waiting for the studio's operator to approve")
    assert worker.stop() == 0


def test_sigterm_while_the_studio_does_not_answer(field: FaultField) -> None:
    with HttpGateway(field.studio.url) as gateway:
        held = gateway.add(Rule("/register-request", hold="request"))
        worker = field.worker(url=gateway.url, env=field.env)
        assert held.reached.wait(60)
        assert worker.stop() == 0
    # The call was ended, not waited for until the worker gave its thread up.
    assert "threads that did not end" not in worker.output


def test_sigterm_while_reconnecting(field: FaultField) -> None:
    worker = field.faulty_worker()
    field.studio.stop()
    worker.wait_line("connecting again in")
    assert worker.stop() == 0


def test_sigterm_with_a_result_that_cannot_be_delivered_keeps_it(field: FaultField) -> None:
    with HttpGateway(field.studio.url) as gateway:
        worker = field.faulty_worker(url=gateway.url)
        down = gateway.add(Rule("/complete", status=503, times=10_000))
        job_id = field.submit("ok")
        eventually("a refused upload", lambda: gateway.statuses("/complete"))
        assert worker.stop() == 0
        assert len(outbox_jobs(worker)) == 1
        down.times = 0
        worker.start()
        assert field.finishes(job_id)["attempts"] <= 1
        eventually("an empty outbox", lambda: not outbox_jobs(worker))


# cancel


@pytest.mark.parametrize("prompt", ["slow:600", "deaf:600", "ignoreterm"])
def test_a_cancelled_job_stops_whatever_its_engine_does(standing: FaultField, prompt: str) -> None:
    standing.finishes(standing.submit("ok"))
    job_id = running(standing, prompt)
    standing.operator.call("POST", f"/jobs/{job_id}/cancel")
    job = standing.operator.wait_job(job_id)
    assert job["state"] == "cancelled"
    standing.workers[0].wait_line(f"job {job_id} failed: cancelled")
    standing.finishes(standing.submit("ok"))


def test_a_job_cancelled_while_its_result_is_on_the_way(field: FaultField) -> None:
    with HttpGateway(field.studio.url) as gateway:
        worker = field.faulty_worker(url=gateway.url)
        held = gateway.add(Rule("/complete", hold="request"))
        job_id = field.submit("ok")
        assert held.reached.wait(60)
        field.operator.call("POST", f"/jobs/{job_id}/cancel")
        held.release.set()
        job = field.operator.wait_job(job_id)
        assert job["state"] in ("done", "cancelled")
        eventually("an empty outbox", lambda: not outbox_jobs(worker))
        kept = list(worker.outbox.glob("refused/*/manifest.json"))
        assert len(kept) == (job["state"] == "cancelled"), "delivered, or refused and kept"
        field.finishes(field.submit("ok"))


def test_a_job_cancelled_while_the_worker_is_away(field: FaultField) -> None:
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
