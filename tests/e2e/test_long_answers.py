"""A JSON answer that no frame takes, between a real worker and its studio."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from studio_worker_core.wire.frames import Accept, Claim, Fail, Heartbeat, Offer
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ChatMessage, LlmTask
from tests.support.fault_answers import said
from tests.support.field import Field, fault_plugin_path
from tests.support.processes import WorkerProcess
from tests.support.scripted_studio import ScriptedStudio

WAIT = 120.0
LONG = LlmTask(messages=[ChatMessage(role="user", content="big:20")])
SOURCE = ModelSource(engine="fault")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"PYTHONPATH": fault_plugin_path(tmp_path / "site")}


def test_an_answer_of_20_mb_arrives_whole(field: Field, env: dict[str, str]) -> None:
    field.start_studio()
    worker = field.enrolled_worker(env=env)
    task = json.loads(msgspec.json.encode(LONG))
    source = json.loads(msgspec.json.encode(SOURCE))
    job_id = field.operator.submit("fault", task, modelSource=source)
    job = field.operator.wait_job(job_id, timeout=WAIT)
    assert job["state"] == "done", job.get("error")
    assert job["attempts"] <= 1
    expected = said(LONG, "x" * (20 << 20))
    digest = hashlib.sha256(msgspec.json.encode(expected)).hexdigest()
    assert job["result"]["sha256"] == digest
    worker.wait_line(f"delivered the result of job {job_id}")


def test_a_studio_that_takes_no_such_file_is_told_the_size(
    tmp_path: Path, env: dict[str, str]
) -> None:
    with ScriptedStudio() as studio:
        known = f'worker_id = "worker-1"\nauth_token = "token-1"\nregistered_at = "{studio.url}"\n'
        with WorkerProcess(tmp_path / "worker", studio.url, settings=known, env=env):
            session = studio.session(timeout=WAIT)
            session.wait_for(Heartbeat, timeout=WAIT)
            session.send(Offer(Claim(job_id="j", model="fault", task=LONG, model_source=SOURCE)))
            assert session.wait_for(Accept, timeout=WAIT).job_id == "j"
            fail = session.wait_for(Fail, timeout=WAIT)
    assert (fail.job_id, fail.retryable) == ("j", False)
    assert "the JSON answer has 21.0 MB" in fail.error
    assert "one frame takes 16.7 MB" in fail.error
