"""Jobs that nobody vouches for come back, and jobs that kill their workers end (protocol §5)."""

from __future__ import annotations

import hashlib
import socket
import threading
from functools import partial

import pytest

from plugins.studio.tests.support.field_worker import FieldWorker
from plugins.studio.tests.support.studio_in_thread import MakeStudio, StudioInThread
from tests.support.waiting import eventually


def test_a_job_that_no_heartbeat_names_goes_to_another(studio: StudioInThread) -> None:
    forgetful, other = studio.new_worker(), studio.new_worker()
    with forgetful.session(), other.session():
        job_id = studio.submit()
        assert forgetful.take_offer() == job_id
        for _ in range(5):
            studio.time.shift += 10
            forgetful.heartbeat()
            other.heartbeat()
        assert other.take_offer() == job_id
        assert studio.job(job_id)["attempts"] == 0
        assert forgetful.expect("cancel")["jobId"] == job_id


@pytest.mark.parametrize("named", ["currentJobId", "currentJobIds"])
def test_a_job_that_heartbeats_name_stays(studio: StudioInThread, named: str) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        for _ in range(6):
            studio.time.shift += 10
            names = job_id if named == "currentJobId" else [job_id]
            worker.send("heartbeat", capabilities=worker.capabilities, **{named: names})
            worker.expect("heartbeatAck")
        assert studio.job(job_id)["state"] == "claimed"
        assert worker.complete(job_id).status_code == 204


def test_leases_do_not_follow_a_wall_clock_that_jumps(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
    for jump in (10 * 86_400.0, -20 * 86_400.0):
        studio.time.wall_shift += jump
        studio.wait_sweeps(3)
        assert studio.job(job_id)["state"] == "claimed"
    studio.time.shift += 31
    studio.wait_state(job_id, "queued")


def test_a_job_that_kills_its_worker_again_and_again_ends_as_failed(studio: StudioInThread) -> None:
    job_id = studio.submit(maxAttempts=3)
    worker = studio.new_worker()
    for attempt in range(1, 4):
        with worker.session():
            assert worker.take_offer() == job_id
            assert studio.job(job_id)["attempts"] == attempt - 1
    with worker.session():  # it was started anew and knows of nothing
        job = studio.wait_state(job_id, "failed")
        assert job["attempts"] == 3
        assert "worker was lost" in job["error"]


def test_a_job_whose_worker_stays_away_counts_too(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(maxAttempts=1)
        worker.take_offer()
    studio.wait_worker(worker.worker_id, "offline")
    studio.time.shift += 31
    assert "worker was lost" in studio.wait_state(job_id, "failed")["error"]


def test_a_job_that_freezes_its_worker_counts_too(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(maxAttempts=1)
        worker.take_offer()
        studio.time.shift += 31
        assert "worker was lost" in studio.wait_state(job_id, "failed")["error"]


def test_a_worker_that_comes_back_in_time_costs_no_attempt(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(maxAttempts=1)
        worker.take_offer()
    with worker.session(job_id):
        assert worker.complete(job_id).status_code == 204
        assert studio.job(job_id)["attempts"] == 0


@pytest.mark.parametrize("ended_by", ["a restart of the studio", "a deletion", "a violation"])
def test_a_session_that_the_studio_ended_costs_no_attempt(
    studio: StudioInThread, ended_by: str
) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(maxAttempts=1)
        worker.take_offer()
        if ended_by == "a restart of the studio":
            studio.restart()
            studio.time.shift += 60
        elif ended_by == "a deletion":
            studio.call("DELETE", f"/workers/{worker.worker_id}")
        else:
            worker.send("accept", jobId="job-x")
            assert worker.expect_close() == 4002
        assert studio.wait_state(job_id, "queued")["attempts"] == 0


class Upload:
    """The head of an upload that says it is large, over a socket of its own. The studio has
    taken it when this is made: a clock that is put forward then finds it begun."""

    def __init__(self, studio: StudioInThread, worker: FieldWorker, job_id: str) -> None:
        leases = studio.studio.fleet.leases
        held = studio.studio.fleet.sessions[worker.worker_id].held
        # An unanswered offer's lease is longer than that of a job.
        eventually("the offer is accepted", lambda: held[job_id].accepted)
        before = leases.of(worker.worker_id)[job_id].until
        studio.time.shift += 1
        host, port = worker.base.removeprefix("http://").partition("/")[0].split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        path = f"/graphics/api/workers/{worker.worker_id}/jobs/{job_id}/complete"
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {worker.token}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 9000000\r\n\r\n"
            '--b\r\nContent-Disposition: form-data; name="image"; filename="x.png"\r\n\r\n'
        )
        self.socket.sendall(head.encode())
        eventually(
            "the studio vouches for the upload",
            lambda: leases.of(worker.worker_id)[job_id].until > before,
        )

    def status(self) -> int:
        return int(self.socket.recv(100).split()[1])


def test_an_upload_that_trickles_keeps_no_job(studio: StudioInThread) -> None:
    worker, other = studio.new_worker(), studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        upload = Upload(studio, worker, job_id)
    studio.wait_worker(worker.worker_id, "offline")
    over = threading.Event()

    def trickle() -> None:
        while not over.wait(0.02):
            try:
                upload.socket.send(b"x")
            except OSError:
                return

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        studio.time.shift += 31
        with other.session():
            assert other.take_offer() == job_id
        assert upload.status() == 409
    finally:
        over.set()
        thread.join()
        upload.socket.close()


def test_an_upload_that_goes_on_keeps_its_job_without_a_session(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        upload = Upload(studio, worker, job_id)
    studio.wait_worker(worker.worker_id, "offline")
    leases = studio.studio.fleet.leases

    def lasts_beyond(moment: float) -> bool:
        return bool(leases.of(worker.worker_id)[job_id].until > moment)

    for _ in range(4):
        studio.time.shift += 20
        upload.socket.sendall(b"x" * 1_000_000)
        soon = studio.time.clocks.now() + 29.0
        eventually("the bytes count", partial(lasts_beyond, soon))
    assert studio.job(job_id)["state"] == "claimed"
    upload.socket.close()


def test_an_upload_that_falls_silent_is_ended(make_studio: MakeStudio) -> None:
    studio = make_studio(upload_silence_seconds=3.0)
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        upload = Upload(studio, worker, job_id)
        assert upload.status() == 408
        upload.socket.close()
        data = hashlib.sha256(b"x").digest()
        assert worker.complete(job_id, data).status_code == 204
