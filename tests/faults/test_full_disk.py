"""No space left, at every write of a worker, and what happens when there is some again."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.fault_field import FaultField, outbox_jobs
from tests.support.http_gateway import HttpGateway, Rule
from tests.support.small_disk import SmallDisk
from tests.support.waiting import eventually, files_below

resource: Any = pytest.importorskip("resource", reason="file size limits are of POSIX")

MEBIBYTE = 1024 * 1024
NO_RESERVE = "[outbox]\nmin_free_gb = 0.0\n"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def serving(directory: Path) -> Iterator[str]:
    """The root URL of a file server for ``directory``."""
    handler = functools.partial(_Quiet, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def disk(field: FaultField) -> Iterator[SmallDisk]:
    """The worker's directory on a small disk. Needs the right to mount one."""
    if sys.platform != "linux":
        pytest.skip("a small disk is mounted as tmpfs, which is Linux")
    disk = SmallDisk(field.root / "worker")
    if not disk.mount(4096):
        pytest.skip("this account may not mount a tmpfs")
    yield disk
    for worker in field.workers:
        if worker.alive:
            worker.stop()
    disk.unmount()


def test_an_outbox_without_space_fails_the_job_and_recovers(
    field: FaultField, disk: SmallDisk
) -> None:
    worker = field.faulty_worker(settings=NO_RESERVE)
    field.finishes(field.submit("ok"))
    # Its room is free only once the worker has heard that it was delivered.
    eventually("an empty outbox", lambda: outbox_jobs(worker) == [])
    before = worker.config.read_bytes()
    ballast = disk.fill()
    job = field.fails(field.submit("ok", maxAttempts=1))
    assert "No space left" in job["error"] or "the disk is full" in job["error"], job["error"]
    assert outbox_jobs(worker) == []
    assert worker.config.read_bytes() == before
    ballast.unlink()
    field.finishes(field.submit("ok"))
    assert "Traceback" not in worker.output


def test_a_result_larger_than_the_disk_fails_and_leaves_nothing(
    field: FaultField, disk: SmallDisk
) -> None:
    worker = field.faulty_worker(settings=NO_RESERVE)
    job = field.fails(field.submit("big:8", maxAttempts=1))
    assert "No space left" in job["error"], job["error"]
    eventually("an empty outbox", lambda: list(worker.outbox.glob("jobs/*")) == [])
    disk.resize(32768)
    field.finishes(field.submit("big:8"))


def test_a_model_that_does_not_fit_fails_the_job_and_recovers(
    field: FaultField, disk: SmallDisk, tmp_path: Path
) -> None:
    worker = field.faulty_worker(settings=NO_RESERVE)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "model.bin").write_bytes(bytes(8 * MEBIBYTE))
    with serving(tmp_path / "files") as url:
        file = {"role": "model", "url": f"{url}/model.bin", "filename": "model.bin"}
        source = {"engine": "fault", "files": [file]}
        job = field.fails(field.submit("ok", modelSource=source, maxAttempts=1))
        assert "model.bin" in job["error"]
        assert " free" in job["error"], "needed and free are named"
        models = worker.config.parent / "models"
        whole = [p for p in files_below(models) if p.name == "model.bin"]
        assert whole == []
        disk.resize(400 * 1024)  # the model store keeps a quarter of a gigabyte free
        field.finishes(field.submit("ok", modelSource=source))
        (path,) = (p for p in files_below(models) if p.name == "model.bin")
        assert path.stat().st_size == 8 * MEBIBYTE


def test_a_config_that_cannot_be_written_stays_whole(field: FaultField, disk: SmallDisk) -> None:
    worker = field.worker(settings=NO_RESERVE, env=field.env)
    worker.wait_line("waiting for the studio's operator to approve")
    before = worker.config.read_bytes()
    ballast = disk.fill()
    field.operator.approve_next()
    # The credentials cannot be saved: the worker says what that means, and works.
    field.operator.wait_worker("idle", timeout=60)
    assert worker.config.read_bytes() == before
    assert "the approval could not be saved: this run works" in worker.output
    ballast.unlink()
    field.finishes(field.submit("ok"))
    assert worker.stop() == 0


def test_a_bound_that_is_reached_stops_offers_until_there_is_room(field: FaultField) -> None:
    with HttpGateway(field.studio.url) as gateway:
        worker = field.faulty_worker(url=gateway.url, settings="[outbox]\nmax_gb = 0.001\n")
        down = gateway.add(Rule("/complete", status=503, times=10_000))
        job_id = field.submit("big:2")
        worker.wait_line(r"taking no offers: .*outbox")
        eventually("paused at the studio", lambda: not field.capabilities()["autoEnabled"])
        assert len(outbox_jobs(worker)) == 1
        down.times = 0
        field.finishes(job_id)
        worker.wait_line("taking offers again")
        field.finishes(field.submit("ok"))


def test_too_little_free_space_stops_offers_and_says_why(
    field: FaultField, disk: SmallDisk
) -> None:
    worker = field.faulty_worker(settings="[outbox]\nmin_free_gb = 0.002\n")
    assert field.capabilities()["autoEnabled"]
    ballast = disk.fill()
    worker.wait_line(r"taking no offers: .*free", timeout=60)
    eventually("paused at the studio", lambda: not field.capabilities()["autoEnabled"])
    waiting = field.submit("ok")
    ballast.unlink()
    worker.wait_line("taking offers again")
    field.finishes(waiting)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are set on Linux")
@pytest.mark.parametrize("kind", ["image", "llm"])
def test_a_file_size_limit_fails_the_job_and_recovers(standing: FaultField, kind: str) -> None:
    worker = standing.workers[0]
    standing.finishes(standing.submit("ok", kind))
    before = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
    # The engine's process, warm already, keeps its own: only the worker's writes fail.
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (8, before[1]))
    job = standing.fails(standing.submit("ok", kind, maxAttempts=1))
    assert "the disk is full" in job["error"]
    assert "free some space or raise the file size limit" in job["error"]
    assert outbox_jobs(worker) == []
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, before)
    standing.finishes(standing.submit("ok", kind))
    eventually("an empty outbox", lambda: list(worker.outbox.glob("jobs/*")) == [])
