"""A studio that is down, slow, wrong or killed, and a network that breaks."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.fault_field import FaultField, outbox_jobs
from tests.support.http_gateway import HttpGateway, Rule
from tests.support.tcp_proxy import Fault, FaultProxy
from tests.support.waiting import eventually, files_below


@pytest.mark.parametrize("status", [500, 503])
def test_a_burst_of_server_errors_costs_no_result(field: FaultField, status: int) -> None:
    with HttpGateway(field.studio.url) as gateway:
        worker = field.faulty_worker(url=gateway.url)
        gateway.add(Rule("/complete", status=status, times=3))
        job = field.finishes(field.submit("ok"))
        assert job["attempts"] <= 1
        eventually("an empty outbox", lambda: not outbox_jobs(worker))
        *refusals, success = gateway.statuses("/complete")
        assert refusals == [status] * 3
        assert success in (200, 204)


def test_an_answer_that_got_lost_is_asked_for_again(field: FaultField) -> None:
    with HttpGateway(field.studio.url) as gateway:
        worker = field.faulty_worker(url=gateway.url)
        gateway.add(Rule("/complete", status=502, after=True))
        job = field.finishes(field.submit("ok"))
        eventually("an empty outbox", lambda: not outbox_jobs(worker))
        statuses = gateway.statuses("/complete")
        assert statuses[0] == 502
        assert statuses[1] in (200, 204)
        assert job["attempts"] <= 1


def test_a_result_the_studio_refuses_is_kept_with_the_reason(field: FaultField) -> None:
    with HttpGateway(field.studio.url) as gateway:
        worker = field.faulty_worker(url=gateway.url)
        gateway.add(Rule("/complete", status=409))
        field.submit("ok", maxAttempts=1)
        refused = eventually(
            "a refused result", lambda: list(worker.outbox.glob("refused/*/manifest.json"))
        )
        assert "409" in refused[0].read_text("utf-8")
        assert not outbox_jobs(worker)
        assert gateway.statuses("/complete") == [409]


def test_a_studio_that_acknowledges_late_gets_no_second_copy(field: FaultField) -> None:
    with HttpGateway(field.studio.url) as gateway:
        worker = field.faulty_worker(url=gateway.url)
        held = gateway.add(Rule("/complete", hold="answer"))
        job_id = field.submit("ok")
        assert held.reached.wait(60)
        field.finishes(job_id)
        assert outbox_jobs(worker)
        held.release.set()
        eventually("an empty outbox", lambda: not outbox_jobs(worker))
        assert len(gateway.statuses("/complete")) == 1


def test_a_studio_killed_in_mid_upload_gets_the_result_when_it_is_back(field: FaultField) -> None:
    with FaultProxy(("127.0.0.1", field.studio.port)) as proxy:
        worker = field.faulty_worker(url=proxy.url)
        proxy.plan(Fault("up", at_byte=3_000_000, action="stall"))
        sent = proxy.forwarded("up")
        job_id = field.submit("big:8")
        assert proxy.wait_for_bytes("up", sent + 2_500_000, timeout=60)
        field.studio.kill()
        proxy.reset()
        field.studio.start()
        proxy.target = ("127.0.0.1", field.studio.port)
        job = field.finishes(job_id, timeout=90)
        assert job["attempts"] <= 1
        eventually("an empty outbox", lambda: not outbox_jobs(worker))
        leftovers = [p for p in files_below(field.studio.data) if p.suffix == ".part"]
        assert leftovers == []


def test_a_studio_that_is_down_while_the_job_ends_gets_it_when_it_is_back(
    field: FaultField, tmp_path: Path
) -> None:
    worker = field.faulty_worker()
    job_id = field.submit(f"until:{tmp_path / 'over'}")
    worker.wait_line(f"accepted job {job_id}")
    field.studio.stop()
    (tmp_path / "over").touch()
    eventually("a result on disk", lambda: outbox_jobs(worker))
    field.studio.start()
    job = field.finishes(job_id, timeout=90)
    assert job["attempts"] <= 1
    eventually("an empty outbox", lambda: not outbox_jobs(worker))


def test_a_network_drop_in_mid_job_costs_nothing(field: FaultField) -> None:
    with FaultProxy(("127.0.0.1", field.studio.port)) as proxy:
        worker = field.faulty_worker(url=proxy.url)
        binary = field.submit("slow:4")
        worker.wait_line(f"accepted job {binary}")
        proxy.refuse()
        proxy.reset()
        worker.wait_line("connecting again")
        proxy.accept()
        assert field.finishes(binary)["attempts"] <= 1
        answer = field.submit("slow:4", kind="llm")
        worker.wait_line(f"accepted job {answer}")
        seen = len(worker.lines)
        proxy.reset()
        worker.wait_line("connecting again", after=seen)
        assert field.finishes(answer)["attempts"] <= 1
        eventually("an empty outbox", lambda: not outbox_jobs(worker))


def test_a_half_open_socket_is_noticed_and_replaced(field: FaultField) -> None:
    with FaultProxy(("127.0.0.1", field.studio.port)) as proxy:
        worker = field.faulty_worker(url=proxy.url)
        proxy.swallow()
        seen = len(worker.lines)
        worker.wait_line("connecting again", after=seen, timeout=60)
        proxy.resume()
        field.operator.wait_worker("idle", timeout=60)
        field.finishes(field.submit("ok"))


@pytest.mark.parametrize("seed", range(4))
def test_resets_and_stalls_at_random_offsets_lose_nothing(field: FaultField, seed: int) -> None:
    rng = random.Random(seed)
    with FaultProxy(("127.0.0.1", field.studio.port)) as proxy:
        worker = field.faulty_worker(url=proxy.url)
        jobs = []
        for _ in range(3):
            proxy.plan(
                Fault("up", rng.randrange(2_000_000), rng.choice(["reset", "close"])),
                Fault("down", rng.randrange(400), "reset"),
            )
            jobs.append(field.submit(rng.choice(["big:1", "big:2", "ok"]), maxAttempts=9))
        for job_id in jobs:
            field.finishes(job_id, timeout=120)
        eventually("an empty outbox", lambda: not outbox_jobs(worker))
