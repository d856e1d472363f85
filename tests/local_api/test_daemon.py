"""The routes of the daemon: real workers, a real studio."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from studio_worker_core.config import ConfigStore
from tests.local_api.daemon_here import Following
from tests.local_api.local_client import LocalClient
from tests.support.field import Field, fault_plugin_path
from tests.support.processes import WorkerProcess
from tests.support.waiting import eventually

pytest.importorskip("studio_worker_studio", reason="the studio plugin is not installed")

QUIET_PORT = "local_api_port = 0\n"


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    with ExitStack() as stack:
        field = Field(tmp_path, stack)
        field.start_studio()
        yield field


def secrets_of(worker: WorkerProcess) -> list[str]:
    config = ConfigStore(worker.config).load()
    named = (config.auth_token, config.local_api_token, config.registration_secret)
    return [secret.reveal() for secret in named if secret is not None]


def test_a_status_says_all_about_a_worker_and_nothing_secret(field: Field) -> None:
    worker = field.connected_worker(settings=QUIET_PORT)
    client = LocalClient(worker)
    eventually("it is connected", lambda: client.status()["state"] == "connected")
    status = client.status()
    assert (status["pid"], status["configPath"]) == (worker.pid, str(worker.config))
    assert (status["paused"], status["busy"], status["registered"]) == (False, False, True)
    assert status["registration"] == {"state": "approved", "workerId": status["workerId"]}
    assert (status["session"], status["state"]) == ({"state": "connected"}, "connected")
    assert status["localApiUrl"] == client.url
    assert status["config"]["modelsRoot"] == str(worker.config.parent / "models")
    assert status["config"] == client.ask("GET", "/daemon/config").json()
    assert status["currentJobId"] is None
    eventually("a heartbeat", lambda: client.status()["heartbeat"])
    assert client.status()["heartbeat"]["outcome"] == "ok"
    told = client.ask("GET", "/daemon/status").text + client.ask("GET", "/daemon/logs").text
    secrets = secrets_of(worker)
    assert len(secrets) == 2
    assert not [secret for secret in secrets if secret in told]


def test_jobs_of_both_sources_run_and_are_remembered(field: Field) -> None:
    env = {"PYTHONPATH": fault_plugin_path(field.root / "plugin")}
    worker = field.enrolled_worker(settings=QUIET_PORT, env=env)
    client = LocalClient(worker)
    job = field.operator.submit(
        "fault",
        {"kind": "image", "prompt": "hang"},
        modelSource={"engine": "fault", "files": [], "cliDefaults": {}},
    )
    eventually("it runs", lambda: client.status()["currentJobId"] == job)
    (active,) = client.status()["activeJobs"]
    assert (active["jobId"], active["source"], active["status"]) == (job, "studio", "running")
    assert (active["kind"], active["model"], active["prompt"]) == ("image", "fault", "hang")
    assert client.status()["busy"]
    field.operator.call("POST", f"/jobs/{job}/cancel")
    ended = eventually("it is over", lambda: client.status()["recentJobs"])
    assert [(each["jobId"], each["status"]) for each in ended] == [(job, "failed")]
    assert ended[0]["finishedAt"] >= ended[0]["startedAt"]
    assert "cancelled" in ended[0]["reason"]
    size = {"width": 64, "height": 64, "model": "procedural"}
    for prompt in ("one", "two"):
        assert client.ask("POST", "/image", {"prompt": prompt, **size}).status_code == 200
    eventually("both are over", lambda: not client.status()["activeJobs"])
    status = client.status()
    told = [(each["prompt"], each["source"], each["status"]) for each in status["localJobs"]]
    assert told == [("two", "local", "completed"), ("one", "local", "completed")]
    assert status["currentJobId"] is None
    assert not status["busy"]


def test_a_pause_by_the_api_and_one_by_the_command_are_the_same_and_end_with_the_run(
    field: Field,
) -> None:
    worker = field.enrolled_worker(settings=QUIET_PORT)
    client = LocalClient(worker)
    assert client.ask("POST", "/daemon/pause").json() == {"paused": True}
    assert client.status()["paused"]
    eventually("it says why", lambda: client.status()["notTaking"] == "the worker is paused")
    field.operator.wait_worker("paused")
    assert "paused" in command(worker, "status")
    command(worker, "resume")
    eventually("the command reaches it", lambda: not client.status()["paused"])
    command(worker, "pause")
    eventually("and again", lambda: client.status()["paused"])
    assert client.ask("POST", "/daemon/resume").json() == {"paused": False}
    field.operator.wait_worker("idle")
    client.ask("POST", "/daemon/pause")
    assert worker.stop() == 0
    worker.start()
    assert not LocalClient(worker).status()["paused"], "a pause is of its run only"


def command(worker: WorkerProcess, *arguments: str) -> str:
    return subprocess.run(
        [*worker.argv[:-1], *arguments],
        env=worker.env,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


def test_the_log_is_read_on_from_where_it_was_read(shared: LocalClient) -> None:
    page = shared.ask("GET", "/daemon/logs").json()
    assert page["seq"] == len(page["entries"]) > 0
    assert {"ts", "level", "category", "message"} <= set(page["entries"][0])
    shared.ask("PUT", "/daemon/config", {**shared.status()["config"], "autoStart": False})
    news = shared.ask("GET", f"/daemon/logs?after={page['seq']}").json()
    assert news["seq"] == page["seq"] + len(news["entries"])
    assert any("auto_start" in entry["message"] for entry in news["entries"])
    for odd in ("-3", "soon", "", "1e3", f"{news['seq'] + 100_000}", "9" * 400):
        again = shared.ask("GET", f"/daemon/logs?after={odd}").json()
        assert len(again["entries"]) == again["seq"], odd
    last = shared.status()["logsSeq"]
    rest = shared.ask("GET", f"/daemon/logs?after={last}").json()
    assert len(rest["entries"]) == rest["seq"] - last


def test_settings_are_changed_together_in_the_file_and_in_the_worker(field: Field) -> None:
    worker = field.enrolled_worker(settings=QUIET_PORT + "# mine\npaused = false\n")
    client = LocalClient(worker)
    before = client.ask("GET", "/daemon/config").json()
    wanted = {**before, "vramThresholdGb": 6.5, "onlyWhenIdle": True, "memoryMaxGb": 16}
    answer = client.ask("PUT", "/daemon/config", wanted)
    assert (answer.status_code, answer.json()) == (200, wanted)
    assert client.status()["config"] == wanted
    config = ConfigStore(worker.config).load()
    assert (config.vram_threshold_gb, config.only_when_idle) == (6.5, True)
    assert config.auth_token is not None, "the credentials are the same"
    assert "# mine" in worker.config.read_text("utf-8")
    seen = eventually(
        "the studio hears of it",
        lambda: [
            each
            for each in field.operator.listing("/workers")
            if each["capabilities"]["vramThresholdGb"] == 6.5
        ],
    )
    assert seen[0]["capabilities"]["onlyWhenIdle"] is True
    same = client.ask("PUT", "/daemon/config", {**wanted, "colour": "red"})
    assert (same.status_code, same.json()) == (200, wanted), "what is unknown is ignored"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"vramThresholdGb": -1}, "invalid_config"),
        ({"memoryMaxGb": 3}, "invalid_config"),
        ({"memoryMaxGb": 1025}, "invalid_config"),
        ({"memoryMaxGb": "8"}, "bad_request"),
        ({"memoryMaxGb": None}, "bad_request"),
        ({"autoUpdateIntervalSecs": 59}, "invalid_config"),
        ({"autoUpdateIntervalSecs": -1}, "bad_request"),
        ({"autoUpdateFeed": ""}, "invalid_config"),
        ({"autoUpdateFeed": "file:///etc/passwd"}, "invalid_config"),
        ({"apiBaseUrl": "ftp://studio.example/"}, "invalid_config"),
        ({"apiBaseUrl": "http://user:hunter2-hunter2@studio.example/"}, "invalid_config"),
        ({"modelsRoot": ""}, "invalid_config"),
        ({"modelsRoot": "/models\u0000"}, "invalid_config"),
        ({"autoStart": 1}, "bad_request"),
    ],
)
def test_a_setting_that_cannot_be_used_changes_nothing(
    shared: LocalClient, change: dict[str, Any], code: str
) -> None:
    before = shared.ask("GET", "/daemon/config").json()
    answer = shared.ask("PUT", "/daemon/config", {**before, "onlyWhenIdle": True, **change})
    assert (answer.status_code, answer.json()["error"]) == (400, code)
    (name,) = change
    assert name in answer.json()["message"]
    assert "hunter2" not in answer.text
    assert shared.ask("GET", "/daemon/config").json() == before


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalClient]:
    directory = tmp_path_factory.mktemp("shared") / "worker"
    with WorkerProcess(directory, "http://127.0.0.1:9/", settings=QUIET_PORT) as worker:
        yield LocalClient(worker)


@pytest.mark.parametrize("body", [None, [], "text", {"apiBaseUrl": "http://a.example/"}])
def test_settings_come_all_together_or_not_at_all(shared: LocalClient, body: Any) -> None:
    answer = shared.ask("PUT", "/daemon/config", body)
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/daemon/nope"),
        ("GET", "/daemon/pause"),
        ("POST", "/daemon/status"),
        ("DELETE", "/daemon/config"),
        ("GET", "/daemon/"),
    ],
)
def test_what_the_daemon_does_not_answer_is_told_in_json(
    shared: LocalClient, method: str, path: str
) -> None:
    answer = shared.ask(method, path)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def test_a_worker_waits_for_its_approval_and_says_so(field: Field) -> None:
    client = LocalClient(field.worker(settings=QUIET_PORT))
    eventually("it asked", lambda: client.status()["registration"]["state"] == "pending")
    status = client.status()
    request = field.operator.listing("/workers/pending")[0]["requestId"]
    assert status["registration"]["requestId"] == request
    assert status["registration"]["since"] == client.status()["registration"]["since"]
    assert (status["registered"], status["workerId"]) == (False, None)
    assert status["session"] == {"state": "waiting_for_approval"}
    assert status["heartbeat"] is None
    refused = client.ask("POST", "/daemon/registration/reset")
    assert (refused.status_code, refused.json()["error"]) == (409, "not_rejected")


def test_a_rejected_worker_serves_on_and_begins_anew_after_a_reset_without_a_restart(
    field: Field,
) -> None:
    worker = field.worker(settings=QUIET_PORT)
    client = LocalClient(worker)
    request = eventually("a request", lambda: field.operator.listing("/workers/pending"))[0]
    field.operator.call(
        "POST", f"/workers/pending/{request['requestId']}/reject", {"reason": "not ours"}
    )
    eventually("it is told", lambda: client.status()["registration"]["state"] == "rejected")
    assert client.status()["registration"]["reason"] == "not ours"
    assert client.status()["session"] == {"state": "waiting_for_approval"}
    size = {"width": 64, "height": 64, "model": "procedural"}
    made = client.ask("POST", "/image", {"prompt": "a fox", **size})
    assert made.status_code == 200, "it works for this machine meanwhile"
    reset = client.ask("POST", "/daemon/registration/reset")
    assert (reset.status_code, reset.json()) == (202, {"ok": True})
    again = client.ask("POST", "/daemon/registration/reset")
    assert (again.status_code, again.json()["error"]) == (409, "not_rejected")
    with worker.explained():
        second = eventually("it asks anew", lambda: field.operator.listing("/workers/pending"))[0]
    assert second["requestId"] != request["requestId"]
    assert second["installId"] != request["installId"]
    field.operator.approve_next()
    field.operator.wait_worker("idle")
    eventually("it says so", lambda: client.status()["session"] == {"state": "connected"})
    assert client.status()["pid"] == worker.pid


def test_a_worker_that_cannot_reach_its_studio_says_which_attempt_this_is(field: Field) -> None:
    worker = field.enrolled_worker(settings=QUIET_PORT)
    client = LocalClient(worker)
    eventually("a heartbeat", lambda: client.status()["heartbeat"])
    field.studio.kill()
    found = eventually(
        "it tries again",
        lambda: (now := client.status()["session"])["state"] == "reconnecting" and now,
    )
    assert found["attempt"] >= 1
    assert client.status()["heartbeat"]["outcome"] == "failed"


def test_a_worker_is_shut_down_in_order_and_tells_those_who_follow_it(field: Field) -> None:
    worker = field.enrolled_worker(settings=QUIET_PORT)
    client = LocalClient(worker)
    with Following(f"{client.url}/daemon/events", client.signed) as page:
        states = (each.data["state"] for each in page if each.name == "status")
        assert "connected" in states
        size = {"width": 64, "height": 64, "model": "procedural"}
        assert client.ask("POST", "/image", {"prompt": "a fox", **size}).status_code == 200
        jobs = (event.data for event in page if event.name == "job")
        ended = next(job for job in jobs if job["status"] == "completed")
        assert (ended["prompt"], ended["source"]) == ("a fox", "local")
        answer = client.ask("POST", "/daemon/shutdown")
        assert (answer.status_code, answer.json()) == (202, {"ok": True})
        names = [event.name for event in page]
        assert names[-1] == "ended"
    assert worker.wait() == 0
    field.operator.wait_worker("offline")
    assert "stopping: a client of the local API asked for it" in worker.output
    assert not re.search(r"Traceback|ERROR", worker.output)
