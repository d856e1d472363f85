"""Submitting and fetching from the command line."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import threading
from pathlib import Path

import pytest
import typer

from plugins.studio.tests.job_states import CONSOLE, REFUSED, job_in
from plugins.studio.tests.support.commands import Run
from plugins.studio.tests.support.studio_in_thread import StudioInThread
from studio_worker_studio.cli.task_options import json_of
from tests.support.waiting import eventually


def test_a_dash_is_standard_output(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    environment = {
        **os.environ,
        "STUDIO_URL": studio.url,
        "STUDIO_OPERATOR_TOKEN": studio.token,
    }
    with worker.session():
        picture, chat = job_in(studio, worker, "file"), job_in(studio, worker, "json")
    for job_id, expected in ((picture, b"picture"), (chat, b'{"text":"hi"}')):
        done = subprocess.run(
            [*CONSOLE, "studio", "result", job_id, "-o", "-"],
            capture_output=True,
            env=environment,
            timeout=60,
            check=True,
        )
        assert done.stdout == expected


def test_standard_output_is_not_promised_twice(studio: StudioInThread, run: Run) -> None:
    job_id = studio.submit(model="procedural")
    assert run("result", job_id, "-o", "-", "--json").code == 2
    done = run("submit", "--kind", "image", "--model", "motion", "--prompt", "x", "-o-", "--json")
    assert done.code == 2
    assert len(studio.call("GET", "/jobs")["items"]) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_result_goes_into_a_pipe_and_over_nobodys_part_file(
    studio: StudioInThread, run: Run, tmp_path: Path
) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = job_in(studio, worker, "file")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    assert run("result", job_id, "-o", str(pipe)).code == 0
    reader.join(60)
    assert read == [b"picture"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    (tmp_path / "sea.png.part").write_bytes(b"mine")
    assert run("result", job_id, "-o", str(tmp_path / "sea.png")).code == 0
    assert (tmp_path / "sea.png.part").read_bytes() == b"mine"
    assert {path.name for path in tmp_path.iterdir()} >= {"sea.png", "sea.png.part", "pipe"}


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_ctrl_c_while_waiting_says_that_the_job_stays(studio: StudioInThread) -> None:
    process = subprocess.Popen(
        [
            *(*CONSOLE, "studio", "submit", "--kind", "image", "--model", "procedural"),
            *("--prompt", "x", "--wait"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "STUDIO_URL": studio.url, "STUDIO_OPERATOR_TOKEN": studio.token},
    )
    jobs = eventually("queued", lambda: studio.call("GET", "/jobs")["items"])
    assert process.stderr is not None
    said = process.stderr.readline()  # why it waits: now it is in the wait for sure
    assert "no worker is connected" in said
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"{jobs[0]['jobId']} stays" in errors
    assert "Traceback" not in errors
    assert studio.job(jobs[0]["jobId"])["state"] == "queued"


def test_a_key_makes_submit_queue_once(studio: StudioInThread, run: Run) -> None:
    submit = ("submit", "--kind", "image", "--model", "motion", "--prompt", "x")
    arguments = ("submit", "--kind", "image", "--model", "procedural", "--prompt", "x")
    first = run(*arguments, "--idempotency-key", "k")
    assert run(*arguments, "--idempotency-key", "k").out == first.out
    assert run(*submit, "--idempotency-key", "k").code in REFUSED
    assert len(studio.call("GET", "/jobs")["items"]) == 1


def test_a_task_that_is_nested_too_deep_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text("[" * 100_000)
    with pytest.raises(typer.BadParameter, match="--task is no JSON"):
        json_of(f"@{path}", "--task")
