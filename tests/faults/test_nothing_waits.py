"""A disk that hangs and a terminal that takes nothing delay neither heartbeats nor answers."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from studio_worker_core.wire.frames import Accept, Claim, Heartbeat, Offer, Reject
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask
from tests.local_api.local_client import LocalClient
from tests.support.hanging_disk import HangingDisk
from tests.support.processes import WorkerProcess
from tests.support.scripted_studio import ScriptedSession, ScriptedStudio
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


def settings(studio: ScriptedStudio) -> str:
    return SETTINGS.format(token=studio.token, url=studio.url)


def offer(session: ScriptedSession, job_id: str) -> None:
    session.send(
        Offer(
            Claim(
                job_id=job_id,
                model="synthetic",
                task=ImageTask(prompt="p"),
                model_source=ModelSource(engine="synthetic"),
            )
        )
    )


def beats_and_answers(session: ScriptedSession) -> None:
    """Two more heartbeats, and an answer to each offer: the first is taken, the second not."""
    before = len(session.of(Heartbeat))
    offer(session, "job-1")
    assert session.wait_for(Accept, timeout=WAIT).job_id == "job-1"
    offer(session, "job-2")
    assert session.wait_for(Reject, timeout=WAIT).job_id == "job-2"
    session.wait_for(Heartbeat, before + 2, timeout=WAIT)
    assert not session.ended


def test_a_disk_that_hangs_stops_neither_heartbeats_nor_answers_nor_the_end(
    tmp_path: Path, studio: ScriptedStudio
) -> None:
    home = tmp_path / "worker"
    disk = HangingDisk(home, tmp_path / "site")
    with WorkerProcess(home, studio.url, settings=settings(studio), env=disk.env) as worker:
        session = studio.session(timeout=WAIT)
        session.wait_for(Heartbeat, timeout=WAIT)
        disk.hang()
        beats_and_answers(session)
        worker.wait_line("the config file has not answered for .* what it said before stands")
        worker.wait_line("the outbox's disk has not answered for ")
        # A session that ends is followed by another one.
        session.sever()
        again = studio.session(2, timeout=WAIT)
        again.wait_for(Heartbeat, timeout=WAIT)
        worker.signal(signal.SIGTERM)
        assert worker.wait(120) == 0


def test_a_disk_that_hangs_hides_nothing_from_the_local_api_and_piles_nothing_up(
    tmp_path: Path, studio: ScriptedStudio
) -> None:
    home = tmp_path / "worker"
    disk = HangingDisk(home, tmp_path / "site")
    local = settings(studio) + "local_api_port = 0\n"
    with WorkerProcess(home, studio.url, settings=local, env=disk.env) as worker:
        studio.session(timeout=WAIT).wait_for(Heartbeat, timeout=WAIT)
        client = LocalClient(worker)
        wanted = {**client.status()["config"], "onlyWhenIdle": True}
        disk.hang()
        assert client.status()["session"] == {"state": "connected"}
        answers: list[int] = []
        changes = [
            threading.Thread(target=change_in_vain, args=(client, wanted, answers))
            for _ in range(2)
        ]
        for change in changes:
            change.start()
        # One of the two is stuck, the other is told so.
        eventually("it is refused", lambda: answers == [500])
        assert client.status()["config"]["onlyWhenIdle"] is False
        worker.signal(signal.SIGTERM)
        assert worker.wait(120) == 0
        for change in changes:
            change.join(WAIT)
            assert not change.is_alive()


def change_in_vain(client: LocalClient, wanted: dict[str, Any], answers: list[int]) -> None:
    with contextlib.suppress(requests.ConnectionError):
        answers.append(client.ask("PUT", "/daemon/config", wanted).status_code)


def test_a_disk_that_answers_again_is_followed_again(
    tmp_path: Path, studio: ScriptedStudio
) -> None:
    home = tmp_path / "worker"
    disk = HangingDisk(home, tmp_path / "site")
    with WorkerProcess(home, studio.url, settings=settings(studio), env=disk.env) as worker:
        session = studio.session(timeout=WAIT)
        session.wait_for(Heartbeat, timeout=WAIT)
        disk.hang()
        worker.wait_line("the config file has not answered for ", timeout=WAIT)
        disk.answer()
        worker.wait_line("the config file answers again")
        lines = worker.config.read_text("utf-8").splitlines(keepends=True)
        text = "".join(line for line in lines if not line.startswith("vram_threshold_gb"))
        worker.config.write_text(f"vram_threshold_gb = 1.5\n{text}", "utf-8")
        worker.wait_line("settings read again")
        before = len(session.of(Heartbeat))
        beat = session.wait_for(Heartbeat, before + 2, timeout=WAIT)
        assert beat.capabilities.vram_threshold_gb == 1.5


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_output_that_nobody_takes_stops_neither_heartbeats_nor_answers_nor_the_end(
    tmp_path: Path, studio: ScriptedStudio, kind: str
) -> None:
    reader, writer = os.pipe() if kind == "pipe" else os.openpty()
    os.set_blocking(writer, False)
    filler = b"\n" * 65536
    while filler:
        try:
            filler = filler[: os.write(writer, filler)]
        except BlockingIOError:
            break
    os.set_blocking(writer, True)
    worker = WorkerProcess(tmp_path / "worker", studio.url, settings=settings(studio))
    environ = {**worker.env, "TERM": "xterm-256color"}
    with subprocess.Popen(
        [*worker.argv, "-vv"],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
    ) as process:
        os.close(writer)
        try:
            session = studio.session(timeout=WAIT)
            session.wait_for(Heartbeat, timeout=WAIT)
            beats_and_answers(session)
            process.send_signal(signal.SIGTERM)
            assert process.wait(120) == 0
        finally:
            if process.poll() is None:
                process.kill()
            os.close(reader)


def test_the_stand_in_for_a_disk_hangs_and_answers(tmp_path: Path) -> None:
    disk = HangingDisk(tmp_path / "disk", tmp_path / "site")
    (tmp_path / "disk").mkdir()
    disk.hang()
    program = "import os, sys; print('asks', flush=True); os.stat(sys.argv[1])"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "disk")],
        env={**os.environ, **disk.env},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asks\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        disk.answer()
        assert process.wait(WAIT) == 0
