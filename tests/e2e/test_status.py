"""What ``studio-worker status`` says of a worker that runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from studio_worker_core.wire.frames import Accept, Claim, CloseCode, ErrorFrame, Offer
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask
from tests.support.field import fault_plugin_path
from tests.support.processes import WorkerProcess
from tests.support.scripted_studio import ScriptedStudio
from tests.support.waiting import eventually

WAIT = 60.0
SETTINGS = """worker_id = "w"
auth_token = "{token}"
registered_at = "{url}"
shutdown_grace_seconds = 1.0
"""


@pytest.fixture
def studio() -> Iterator[ScriptedStudio]:
    with ScriptedStudio() as studio:
        yield studio


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"PYTHONPATH": fault_plugin_path(tmp_path / "site")}


@pytest.fixture
def worker(tmp_path: Path, studio: ScriptedStudio, env: dict[str, str]) -> Iterator[WorkerProcess]:
    settings = SETTINGS.format(token=studio.token, url=studio.url)
    with WorkerProcess(tmp_path / "worker", studio.url, settings=settings, env=env) as worker:
        yield worker


def status(worker: WorkerProcess, *options: str) -> str:
    command = [sys.executable, "-m", "studio_worker_core.cli.main", "--config", str(worker.config)]
    return subprocess.run(
        [*command, "status", *options],
        env={**os.environ, **worker.env},
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=True,
    ).stdout


def shown(worker: WorkerProcess, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What ``status --json`` says once that holds."""
    found: dict[str, Any] = {}

    def look() -> bool:
        found.update(json.loads(status(worker, "--json")))
        return holds(found)

    eventually("the status", look, timeout=WAIT)
    return found


def is_in(state: str) -> Callable[[dict[str, Any]], bool]:
    return lambda found: found["session"] is not None and found["session"]["state"] == state


def test_a_worker_says_since_when_it_is_connected_and_what_it_works_on(
    worker: WorkerProcess, studio: ScriptedStudio
) -> None:
    session = studio.session(timeout=WAIT)
    found = shown(worker, is_in("connected"))
    assert found["session"]["worker_id"] == "w"
    assert found["session"]["studio_url"] == studio.url
    assert found["job"] is None
    assert f"session:      connected since {found['session']['since']}" in status(worker)
    claim = Claim("job-1", "fault", ImageTask("hang"), ModelSource("fault"))
    session.send(Offer(claim))
    assert session.wait_for(Accept, timeout=WAIT).job_id == "job-1"
    job = shown(worker, lambda found: found["job"] is not None)["job"]
    assert (job["job_id"], job["kind"], job["model"], job["engine"]) == (
        *("job-1", "image", "fault", "fault"),
    )
    assert "job-1: image with fault on fault, " in status(worker)


@pytest.mark.parametrize(
    ("code", "reason", "remedy"),
    [
        ("auth_failed", "credentials", "register --reset"),
        ("duplicate_worker", "another process", "run one worker per registration"),
        ("protocol_violation", "broke the protocol", "update studio-worker"),
    ],
)
def test_a_refused_worker_says_why_and_what_to_do(
    worker: WorkerProcess, studio: ScriptedStudio, code: str, reason: str, remedy: str
) -> None:
    studio.session(timeout=WAIT).send(ErrorFrame(code, "no"))
    found = shown(worker, is_in("refused"))
    assert reason in found["session"]["detail"]
    assert remedy in found["session"]["detail"]
    said = status(worker)
    assert f"session:      refused since {found['session']['since']}: " in said
    assert studio.token not in said
    assert studio.token not in worker.config.with_name("daemon.status.json").read_text("utf-8")


def test_a_worker_that_another_one_replaced_says_so(
    worker: WorkerProcess, studio: ScriptedStudio
) -> None:
    studio.session(timeout=WAIT).close(CloseCode.DUPLICATE_WORKER)
    assert "another process" in shown(worker, is_in("refused"))["session"]["detail"]


def test_a_worker_whose_studio_is_away_says_that_it_tries_again(
    worker: WorkerProcess, studio: ScriptedStudio
) -> None:
    studio.session(timeout=WAIT)
    studio.stop()
    shown(worker, lambda found: is_in("waiting")(found) or is_in("connecting")(found))


def test_a_worker_that_ended_says_nothing_and_one_that_was_killed_is_not_believed(
    worker: WorkerProcess, studio: ScriptedStudio
) -> None:
    file = worker.config.with_name("daemon.status.json")
    shown(worker, is_in("connected"))
    worker.kill()
    assert file.exists()
    found = json.loads(status(worker, "--json"))
    assert (found["running"], found["session"]) == (None, None)
    worker.start()
    shown(worker, is_in("connected"))
    worker.signal(signal.SIGTERM)
    assert worker.wait(120) == 0
    assert not file.exists()
