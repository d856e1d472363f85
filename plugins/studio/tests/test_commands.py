"""The operator's commands against a running studio."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import typer

from plugins.studio.tests.support.commands import Good, Run
from plugins.studio.tests.support.studio_in_thread import StudioInThread
from studio_worker_studio.cli.fetching import why_it_waits
from studio_worker_studio.cli.task_options import task_from
from studio_worker_studio.client import OperatorClient


def test_workers_are_let_in_listed_and_struck_off(studio: StudioInThread, good: Good) -> None:
    first = studio.ask("one", "aa" * 32).json()["requestId"]
    second = studio.ask("two", "bb" * 32).json()["requestId"]
    assert first in good("pending")
    assert "approved" in good("approve", first)
    rejected = json.loads(good("reject", second, "--reason", "no", "--json"))
    assert rejected[0]["status"] == "rejected"
    listed = json.loads(good("workers", "--json"))
    assert [worker["state"] for worker in listed] == ["offline"]
    assert "offline" in good("workers")
    good("remove", listed[0]["workerId"])
    assert json.loads(good("workers", "--json")) == []


def test_a_job_is_submitted_waited_for_and_fetched(
    studio: StudioInThread, good: Good, tmp_path: Path
) -> None:
    worker = studio.new_worker()
    with worker.session():

        def work() -> None:
            offer = worker.expect("offer")["claim"]
            assert offer["task"]["ext"] == "png", "the output's name is the wish"
            worker.send("accept", jobId=offer["jobId"])
            worker.complete(offer["jobId"], b"picture", ext="png", mime="image/png")

        thread = threading.Thread(target=work)
        thread.start()
        out = tmp_path / "sea.png"
        submit = ("submit", "--kind", "image", "--model", "synthetic", "--prompt", "a sea")
        said = good(*submit, "--width", "64", "-o", str(out))
        thread.join(60)
    assert out.read_bytes() == b"picture"
    assert str(out) in said
    job = json.loads(good("jobs", "--json"))[0]
    assert (job["state"], job["kind"]) == ("done", "image")
    fetched = json.loads(good("result", job["jobId"], "-o", str(tmp_path), "--json"))
    assert Path(fetched["path"]).read_bytes() == b"picture"
    whole = json.loads(good("job", job["jobId"], "--json"))
    assert whole["task"]["width"] == 64
    assert "done" in good("job", job["jobId"])


def test_a_job_that_waits_says_why(studio: StudioInThread) -> None:
    connection = OperatorClient(studio.url.rstrip("/"), studio.token)
    job = studio.job(studio.submit())
    assert why_it_waits(connection, job) == "no worker is connected"
    worker = studio.new_worker()
    with worker.session(autoEnabled=False):
        assert why_it_waits(connection, job) == f"worker {worker.worker_id} is paused"
        said = why_it_waits(connection, {**job, "kind": "of_no_known"})
        assert said == "no connected worker does of_no_known jobs"


def test_a_failed_job_ends_the_wait_with_its_reason(studio: StudioInThread, run: Run) -> None:
    worker = studio.new_worker()
    with worker.session():

        def work() -> None:
            job_id = worker.take_offer()
            worker.send("fail", jobId=job_id, error="no paint left", retryable=False)

        thread = threading.Thread(target=work)
        thread.start()
        arguments = ("submit", "--kind", "llm", "--model", "synthetic", "--prompt", "x", "--wait")
        done = run(*arguments)
        thread.join(60)
    assert done.code == 1
    assert "no paint left" in done.err


def test_jobs_are_cancelled_and_retried(good: Good) -> None:
    job_id = good("submit", "--kind", "video", "--model", "motion", "--prompt", "x").strip()
    assert "cancelled" in good("cancel", job_id)
    assert json.loads(good("retry", job_id, "--json"))["state"] == "queued"
    assert job_id in good("jobs", "--state", "queued")


def test_models_and_logs_are_shown(good: Good) -> None:
    assert "procedural" in good("models")
    assert any(model["id"] == "motion" for model in json.loads(good("models", "--json")))
    assert json.loads(good("logs", "--json")) == []


def test_the_token_is_found_in_the_data_directory(studio: StudioInThread, good: Good) -> None:
    env = {"STUDIO_OPERATOR_TOKEN": "", "STUDIO_DATA": str(studio.settings.data)}
    assert good("jobs", "--json", **env).strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "env", "said"),
    [
        (("jobs",), {"STUDIO_URL": "http://127.0.0.1:9/"}, "127.0.0.1:9"),
        (("jobs",), {"STUDIO_URL": "ftp://x"}, "ftp://x"),
        (("jobs",), {"STUDIO_OPERATOR_TOKEN": "wrong" * 10}, "operator token"),
        (("jobs",), {"STUDIO_OPERATOR_TOKEN": "", "STUDIO_DATA": "/nowhere"}, "/nowhere"),
        (("job", "job-x"), {}, "job-x"),
        (("approve", "rr-x"), {}, "rr-x"),
        (("result", "job-x"), {}, "job-x"),
        (("submit", "--kind", "image", "--model", "zzz", "--prompt", "x"), {}, "zzz"),
    ],
)
def test_errors_are_one_line_and_no_traceback(
    run: Run, arguments: tuple[str, ...], env: dict[str, str], said: str
) -> None:
    done = run(*arguments, **env)
    assert done.code not in (0, 2)
    assert said in done.err
    assert len(done.err.strip().splitlines()) == 1, done.err


def test_the_commands_do_not_import_what_they_do_not_need() -> None:
    heavy = ("requests", "rich", "starlette", "uvicorn", "websockets", "sqlite3", "msgspec")
    code = (
        "import sys, studio_worker_studio.cli, studio_worker_studio.plugin as _;"
        "import studio_worker_studio.cli as cli;"
        f"print([m for m in {heavy!r} if m in sys.modules and m != 'msgspec'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_options_become_the_task_of_their_kind() -> None:
    assert task_from("llm", {"prompt": "hi", "maxTokens": 5}, None) == {
        "kind": "llm",
        "maxTokens": 5,
        "messages": [{"role": "user", "content": "hi"}],
    }
    assert task_from("audio_tts", {"prompt": "hi"}, None) == {"kind": "audio_tts", "text": "hi"}
    assert task_from("image", {}, '{"prompt": "x"}') == {"kind": "image", "prompt": "x"}


@pytest.mark.parametrize(
    ("kind", "given", "literal"),
    [
        (None, {"prompt": "x"}, None),
        ("dance", {"prompt": "x"}, None),
        ("image", {}, None),
        ("image", {"prompt": "x", "voice": "y"}, None),
        ("audio_stt", {"prompt": "x"}, None),
        ("image", {"prompt": "x"}, "{}"),
        ("image", {}, "[]"),
        ("image", {}, "{"),
        ("image", {}, "@/nowhere/task.json"),
    ],
)
def test_options_that_do_not_fit_are_named(
    kind: str | None, given: dict[str, Any], literal: str | None
) -> None:
    with pytest.raises(typer.BadParameter):
        task_from(kind, given, literal)
