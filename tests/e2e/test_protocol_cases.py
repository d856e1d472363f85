"""The cases of the protocol a worker meets in its life, against the real studio."""

from __future__ import annotations

import tomllib
from typing import Any

from studio_worker_core.testing.processes import StudioProcess, WorkerProcess, eventually

SOURCE = {"engine": "synthetic", "files": []}
PICTURE = {"kind": "image", "prompt": "a boat", "width": 64, "height": 64}


def config_of(worker: WorkerProcess) -> dict[str, Any]:
    return tomllib.loads(worker.config.read_text("utf-8"))


def finish_a_picture(field: Any) -> None:
    job_id = field.operator.submit("synthetic", PICTURE, modelSource=SOURCE)
    assert field.operator.wait_job(job_id)["state"] == "done"


def test_the_register_request_shows_the_merged_capabilities(field: Any) -> None:
    field.start_studio()
    field.worker()
    request = eventually("a request", lambda: field.operator.listing("/workers/pending"))[0]
    capabilities = request["capabilities"]
    assert capabilities["engine"] == "multi"
    assert "synthetic" in [engine["name"] for engine in capabilities["engines"]]
    assert set(capabilities["taskKinds"]) == {"image", "llm", "audio_stt", "audio_tts", "video"}
    assert capabilities["extensions"]["webp"] == "image/webp"
    assert request["userAgent"].startswith("studio-worker/")


def test_credentials_are_kept_and_the_request_is_forgotten(ready: Any) -> None:
    config = tomllib.loads((ready.root / "worker" / "config.toml").read_text("utf-8"))
    assert config["worker_id"]
    assert config["auth_token"]
    assert "registration_secret" not in config
    assert "registration_request_id" not in config
    assert (ready.root / "worker" / "config.toml").stat().st_mode & 0o777 == 0o600


def test_a_rejected_worker_says_so_and_stops_asking(field: Any) -> None:
    field.start_studio()
    worker = field.worker()
    request = eventually("a request", lambda: field.operator.listing("/workers/pending"))[0]
    field.operator.call(
        "POST", f"/workers/pending/{request['requestId']}/reject", {"reason": "not ours"}
    )
    assert worker.wait() != 0
    assert "not ours" in worker.output
    assert "register --reset" in worker.output
    assert "Traceback" not in worker.output
    assert "registration_secret" not in config_of(worker)


def test_a_stale_request_is_asked_afresh(field: Any) -> None:
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


def test_a_revoked_token_ends_the_worker_with_the_remedy(ready: Any) -> None:
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
    assert second.wait() != 0
    said = "\n".join(second.lines[seen:])
    assert "register --reset" in said
    assert "0" * 20 not in said
    assert "Traceback" not in said
    assert ready.operator.call("GET", f"/workers/{worker_id}")["state"] == "idle"


def test_a_second_session_of_the_same_worker_ends_the_first(ready: Any) -> None:
    original = ready.root / "worker" / "config.toml"
    copy = ready.root / "copy" / "config.toml"
    copy.parent.mkdir()
    copy.write_bytes(original.read_bytes())
    ready.worker("copy")
    first = ready.workers[0]
    assert first.wait() != 0
    assert "another" in first.output.lower()
    assert "Traceback" not in first.output


def test_a_deleted_worker_is_told_and_ends(ready: Any) -> None:
    worker_id = ready.operator.wait_worker("idle")["workerId"]
    ready.operator.call("DELETE", f"/workers/{worker_id}")
    worker = ready.workers[0]
    assert worker.wait() != 0
    assert "deleted" in worker.output
    assert "Traceback" not in worker.output


def test_an_engine_that_is_not_installed_fails_the_job_for_good(ready: Any) -> None:
    capabilities = ready.operator.wait_worker("idle")["capabilities"]
    assert "flux" not in capabilities["supportedModels"]
    job_id = ready.operator.submit(
        "synthetic", PICTURE, modelSource={"engine": "sd-cpp", "files": []}, maxAttempts=3
    )
    job = ready.operator.wait_job(job_id)
    assert job["state"] == "failed"
    assert "sd-cpp" in job["error"]
    assert job["attempts"] <= 1
    finish_a_picture(ready)


def test_invalid_parameters_fail_the_job_for_good(ready: Any) -> None:
    task = {**PICTURE, "width": 16000, "height": 16000}
    job_id = ready.operator.submit("synthetic", task, modelSource=SOURCE)
    job = ready.operator.wait_job(job_id)
    assert job["state"] == "failed"
    assert "16000" in job["error"]
    finish_a_picture(ready)


def test_a_paused_worker_gets_no_work_until_it_resumes(ready: Any) -> None:
    worker = ready.workers[0]
    text = worker.config.read_text("utf-8")
    worker.config.write_text("paused = true\n" + text, "utf-8")
    ready.operator.wait_worker("paused")
    job_id = ready.operator.submit("synthetic", PICTURE, modelSource=SOURCE)
    assert ready.operator.job(job_id)["state"] == "queued"
    worker.config.write_text(text, "utf-8")
    assert ready.operator.wait_job(job_id)["state"] == "done"


def test_two_jobs_at_once_run_one_after_the_other(ready: Any) -> None:
    jobs = [ready.operator.submit("synthetic", PICTURE, modelSource=SOURCE) for _ in range(5)]
    for job_id in jobs:
        job = ready.operator.wait_job(job_id)
        assert job["state"] == "done"
        assert job["attempts"] <= 1


def test_a_studio_restart_costs_nothing_but_a_reconnect(ready: Any) -> None:
    studio: StudioProcess = ready.studio
    studio.stop()
    studio.start()
    ready.operator.wait_worker("idle", timeout=60)
    finish_a_picture(ready)
    assert ready.workers[0].process.poll() is None


def test_a_killed_studio_costs_nothing_but_a_reconnect(ready: Any) -> None:
    ready.studio.kill()
    ready.studio.start()
    ready.operator.wait_worker("idle", timeout=60)
    finish_a_picture(ready)
