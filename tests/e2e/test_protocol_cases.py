"""The cases of the protocol a worker meets in its life, against the real studio."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tomllib
from typing import Any

import pytest

from tests.support.field import Field
from tests.support.processes import WorkerProcess
from tests.support.waiting import eventually

SOURCE = {"engine": "synthetic", "files": []}
PICTURE = {"kind": "image", "prompt": "a boat", "width": 64, "height": 64}


def config_of(worker: WorkerProcess) -> dict[str, Any]:
    return tomllib.loads(worker.config.read_text("utf-8"))


def finish_a_picture(field: Field) -> None:
    job_id = field.operator.submit("synthetic", PICTURE, modelSource=SOURCE)
    assert field.operator.wait_job(job_id)["state"] == "done"


def test_the_register_request_shows_the_merged_capabilities(field: Field) -> None:
    field.start_studio()
    field.worker()
    request = eventually("a request", lambda: field.operator.listing("/workers/pending"))[0]
    capabilities = request["capabilities"]
    assert capabilities["engine"] == "multi"
    assert "synthetic" in [engine["name"] for engine in capabilities["engines"]]
    assert set(capabilities["taskKinds"]) == {"image", "llm", "audio_stt", "audio_tts", "video"}
    assert capabilities["extensions"]["webp"] == "image/webp"
    assert request["userAgent"].startswith("studio-worker/")


def test_credentials_are_kept_and_the_request_is_forgotten(ready: Field) -> None:
    config = tomllib.loads((ready.root / "worker" / "config.toml").read_text("utf-8"))
    assert config["worker_id"]
    assert config["auth_token"]
    assert "registration_secret" not in config
    assert "registration_request_id" not in config
    assert (ready.root / "worker" / "config.toml").stat().st_mode & 0o777 == 0o600


def test_a_rejected_worker_says_so_and_stops_asking(field: Field) -> None:
    field.start_studio()
    worker = field.worker()
    request = eventually("a request", lambda: field.operator.listing("/workers/pending"))[0]
    field.operator.call(
        "POST", f"/workers/pending/{request['requestId']}/reject", {"reason": "not ours"}
    )
    worker.wait_line("not ours.*register --reset")
    assert "registration_secret" not in config_of(worker)
    assert field.operator.listing("/workers/pending") == []
    assert worker.stop() == 0
    assert "Traceback" not in worker.output


def test_a_stale_request_is_asked_afresh(field: Field) -> None:
    field.start_studio()
    worker = field.worker()
    first = eventually("a request", lambda: field.operator.listing("/workers/pending"))[0]
    field.studio.stop()
    worker.stop()
    for stale in field.studio.data.glob("*.db*"):
        stale.unlink()
    for stale in field.studio.data.glob("*.sqlite*"):
        stale.unlink()
    field.studio.start()
    worker.start()
    second = eventually("a new request", lambda: field.operator.listing("/workers/pending"))[0]
    assert second["requestId"] != first["requestId"]
    assert second["installId"] == first["installId"]
    field.operator.call("POST", f"/workers/pending/{second['requestId']}/approve")
    field.operator.wait_worker("idle")


def test_a_revoked_token_ends_the_attempts_with_the_remedy(ready: Field) -> None:
    worker_id = ready.operator.wait_worker("idle")["workerId"]
    second = ready.worker("second")
    ready.operator.approve_next()
    eventually(
        "two idle workers",
        lambda: [w["state"] for w in ready.operator.listing("/workers")] == ["idle", "idle"],
    )
    second.stop()
    text = second.config.read_text("utf-8")
    token = config_of(second)["auth_token"]
    second.config.write_text(text.replace(token, "0" * len(token)), "utf-8")
    seen = len(second.lines)
    second.start()
    second.wait_line("register --reset", after=seen)
    assert second.stop() == 0
    said = "\n".join(second.lines[seen:])
    assert "0" * 20 not in said
    assert "Traceback" not in said
    assert ready.operator.call("GET", f"/workers/{worker_id}")["state"] == "idle"


def test_a_second_session_of_the_same_worker_ends_the_first(ready: Field) -> None:
    original = ready.root / "worker" / "config.toml"
    copy = ready.root / "copy" / "config.toml"
    copy.parent.mkdir()
    copy.write_bytes(original.read_bytes())
    ready.worker("copy")
    first = ready.workers[0]
    first.wait_line("(?i)another")
    assert first.stop() == 0
    assert "Traceback" not in first.output


def test_a_deleted_worker_is_told_and_asks_to_be_let_in_again(ready: Field) -> None:
    before = config_of(ready.workers[0])
    ready.operator.call("DELETE", f"/workers/{before['worker_id']}")
    worker = ready.workers[0]
    worker.wait_line("removed this worker")
    ready.operator.approve_next()
    after = ready.operator.wait_worker("idle")["workerId"]
    assert after != before["worker_id"]
    assert config_of(worker)["install_id"] == before["install_id"]
    finish_a_picture(ready)
    assert "Traceback" not in worker.output


def test_a_job_for_an_engine_that_no_worker_names_waits_and_holds_up_nobody(ready: Field) -> None:
    capabilities = ready.operator.wait_worker("idle")["capabilities"]
    assert "flux" not in capabilities["supportedModels"]
    job_id = ready.operator.submit(
        "synthetic", PICTURE, modelSource={"engine": "sd-cpp", "files": []}, maxAttempts=3
    )
    finish_a_picture(ready)
    job = ready.operator.job(job_id)
    assert (job["state"], job["attempts"]) == ("queued", 0)


def test_invalid_parameters_fail_the_job_for_good(ready: Field) -> None:
    task = {**PICTURE, "width": 16000, "height": 16000}
    job_id = ready.operator.submit("synthetic", task, modelSource=SOURCE)
    job = ready.operator.wait_job(job_id)
    assert job["state"] == "failed"
    assert "16000" in job["error"]
    finish_a_picture(ready)


def command(worker: WorkerProcess, *arguments: str) -> str:
    """What a command says about ``worker``."""
    argv = [*worker.argv[:-1], *arguments]
    done = subprocess.run(
        argv, env=worker.env, check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout


def test_a_paused_worker_gets_no_work_until_it_resumes(ready: Field) -> None:
    worker = ready.workers[0]
    before = worker.config.read_text("utf-8")
    assert "until 'studio-worker resume' or the next start" in command(worker, "pause")
    ready.operator.wait_worker("paused")
    assert json.loads(command(worker, "status", "--json"))["paused"] is True
    assert f"running, process {worker.pid}, paused" in command(worker, "status")
    job_id = ready.operator.submit("synthetic", PICTURE, modelSource=SOURCE)
    assert ready.operator.job(job_id)["state"] == "queued"
    assert command(worker, "resume") == "jobs are taken again\n"
    assert ready.operator.wait_job(job_id)["state"] == "done"
    assert json.loads(command(worker, "status", "--json"))["paused"] is False
    assert worker.config.read_text("utf-8") == before


@pytest.mark.parametrize("ends", ["SIGTERM", "SIGKILL"])
def test_a_pause_ends_with_its_run(ready: Field, ends: str) -> None:
    worker = ready.workers[0]
    command(worker, "pause")
    ready.operator.wait_worker("paused")
    worker.signal(getattr(signal, ends))
    worker.wait()
    left = worker.config.with_name("daemon.run.json")
    assert left.exists() is (ends == "SIGKILL")
    if left.exists():
        # As in a container, where every run has the same process id.
        program = "import os, pathlib, runpy, sys; sys.argv.pop(0); " + REUSE
        worker.argv = [sys.executable, "-c", program, *worker.argv[2:]]
    worker.start()
    ready.operator.wait_worker("idle")
    finish_a_picture(ready)


REUSE = """
left = pathlib.Path(sys.argv[2]).with_name("daemon.run.json")
left.write_text('{"pid": %d, "paused": true}' % os.getpid())
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def test_a_worker_that_starts_paused_goes_on_when_it_is_told_to(ready: Field) -> None:
    worker = ready.workers[0]
    assert worker.stop() == 0
    assert command(worker, "config", "set", "paused", "true") == "paused = true\n"
    assert "not running, starts paused" in command(worker, "status")
    worker.start()
    ready.operator.wait_worker("paused")
    command(worker, "resume")
    ready.operator.wait_worker("idle")
    assert json.loads(command(worker, "status", "--json"))["paused"] is False
    assert config_of(worker)["paused"] is True


def test_two_jobs_at_once_run_one_after_the_other(ready: Field) -> None:
    jobs = [ready.operator.submit("synthetic", PICTURE, modelSource=SOURCE) for _ in range(5)]
    for job_id in jobs:
        job = ready.operator.wait_job(job_id)
        assert job["state"] == "done"
        assert job["attempts"] <= 1


def test_a_studio_restart_costs_nothing_but_a_reconnect(ready: Field) -> None:
    studio = ready.studio
    studio.stop()
    studio.start()
    ready.operator.wait_worker("idle", timeout=60)
    finish_a_picture(ready)
    assert ready.workers[0].alive


def test_a_killed_studio_costs_nothing_but_a_reconnect(ready: Field) -> None:
    ready.studio.kill()
    ready.studio.start()
    ready.operator.wait_worker("idle", timeout=60)
    finish_a_picture(ready)
