"""``kill -9`` of the worker at each stage of a job's life."""

from __future__ import annotations

from pathlib import Path

from tests.support.fault_field import FaultField, gone, outbox_jobs
from tests.support.http_gateway import HttpGateway, Rule
from tests.support.processes import WorkerProcess
from tests.support.tcp_proxy import Fault, FaultProxy
from tests.support.waiting import eventually


def kill(worker: WorkerProcess) -> None:
    below = worker.descendants()
    worker.kill()
    gone(below)


def restart(field: FaultField, worker: WorkerProcess) -> None:
    worker.start()
    eventually(
        "the worker is back",
        lambda: field.operator.listing("/workers")[0]["state"] in ("idle", "busy"),
        timeout=60,
    )


def test_killed_before_it_could_accept(field: FaultField) -> None:
    with FaultProxy(("127.0.0.1", field.studio.port)) as proxy:
        worker = field.faulty_worker(url=proxy.url)
        proxy.stall("up")
        job_id = field.submit("ok")
        worker.wait_line(f"accepted job {job_id}")
        kill(worker)
        proxy.resume()
        restart(field, worker)
        field.finishes(job_id)


def test_killed_while_the_model_loads(field: FaultField) -> None:
    worker = field.faulty_worker()
    task = {"kind": "image", "prompt": "ok"}
    source = {"engine": "fault", "files": []}
    job_id = field.operator.submit("fault-load-hang", task, modelSource=source)
    eventually("an engine process", worker.descendants)
    field.operator.wait_job(job_id, "claimed")
    kill(worker)
    assert outbox_jobs(worker) == []
    restart(field, worker)
    field.operator.wait_job(job_id, "claimed")
    field.operator.call("POST", f"/jobs/{job_id}/cancel")
    assert field.operator.wait_job(job_id)["state"] == "cancelled"
    field.finishes(field.submit("ok"))


def test_killed_while_the_engine_runs(field: FaultField) -> None:
    worker = field.faulty_worker()
    job_id = field.submit("slow:600")
    worker.wait_line(f"accepted job {job_id}")
    eventually("an engine process", worker.descendants)
    kill(worker)
    assert outbox_jobs(worker) == []
    restart(field, worker)
    field.operator.wait_job(job_id, "claimed")
    field.operator.call("POST", f"/jobs/{job_id}/cancel")
    assert field.operator.wait_job(job_id)["state"] == "cancelled"
    field.finishes(field.submit("ok"))


def test_killed_with_the_result_on_disk_and_nothing_sent(field: FaultField) -> None:
    with HttpGateway(field.studio.url) as gateway:
        worker = field.faulty_worker(url=gateway.url)
        gateway.add(Rule("/complete", status=503, times=1000))
        job_id = field.submit("ok")
        eventually("a refused upload", lambda: gateway.statuses("/complete"))
        kill(worker)
        assert len(outbox_jobs(worker)) == 1
        gateway.forgive()
        restart(field, worker)
        job = field.finishes(job_id)
        assert job["attempts"] <= 1
        assert job["meta"]["engine"] == "fault", "how it was made is kept with the result"
        assert 0 <= job["meta"]["seed"] < 2**64
        eventually("an empty outbox", lambda: not outbox_jobs(worker))


def test_killed_in_the_middle_of_the_upload(field: FaultField) -> None:
    with FaultProxy(("127.0.0.1", field.studio.port)) as proxy:
        worker = field.faulty_worker(url=proxy.url)
        proxy.plan(Fault("up", at_byte=3_000_000, action="stall"))
        job_id = field.submit("big:8")
        sent = proxy.forwarded("up")
        assert proxy.wait_for_bytes("up", sent + 2_500_000, timeout=60)
        kill(worker)
        assert len(outbox_jobs(worker)) == 1
        restart(field, worker)
        job = field.finishes(job_id)
        assert job["attempts"] <= 1
        assert job["result"]["bytes"] >= 8_000_000


def test_killed_after_the_upload_before_the_answer(field: FaultField) -> None:
    with HttpGateway(field.studio.url) as gateway:
        worker = field.faulty_worker(url=gateway.url)
        held = gateway.add(Rule("/complete", hold="answer"))
        job_id = field.submit("ok")
        assert held.reached.wait(60)
        kill(worker)
        held.release.set()
        first = field.finishes(job_id)
        assert len(outbox_jobs(worker)) == 1
        restart(field, worker)
        eventually("an empty outbox", lambda: not outbox_jobs(worker))
        assert gateway.statuses("/complete")[-1] in (200, 204)
        assert field.operator.job(job_id)["result"] == first["result"]


def test_a_json_result_survives_kill_9_when_the_studio_still_holds_the_job(
    field: FaultField, tmp_path: Path
) -> None:
    with FaultProxy(("127.0.0.1", field.studio.port)) as proxy:
        worker = field.faulty_worker(url=proxy.url)
        job_id = field.submit(f"until:{tmp_path / 'over'}", kind="llm")
        worker.wait_line(f"accepted job {job_id}")
        proxy.stall("up")
        (tmp_path / "over").touch()
        eventually("a result on disk", lambda: outbox_jobs(worker), timeout=60)
        kill(worker)
        proxy.reset()
        proxy.resume()
        restart(field, worker)
        job = field.finishes(job_id)
        assert job["attempts"] <= 1
        eventually("an empty outbox", lambda: not outbox_jobs(worker))
