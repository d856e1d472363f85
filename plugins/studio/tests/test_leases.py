"""Claims that outlive a socket or a studio, and those that do not (protocol §3.1, §5)."""

from __future__ import annotations

import pytest

from plugins.studio.tests.support.studio_in_thread import StudioInThread
from studio_worker_studio.store.records import JobRecord

CHAT = {"kind": "llm", "messages": [{"role": "user", "content": "hello"}]}


def test_a_lost_socket_keeps_the_job_for_a_worker_that_can_resume(studio: StudioInThread) -> None:
    worker, other = studio.new_worker(), studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
    with other.session():
        studio.time.shift += 20
        other.heartbeat()
        assert studio.job(job_id)["state"] == "claimed"
        with worker.connected():
            assert worker.hello(job_id)["resume"] == [job_id]
            worker.heartbeat(job_id)
            assert worker.complete(job_id).status_code == 204
        other.heartbeat()
        other.expect_silence()
    assert studio.job(job_id)["state"] == "done"


def test_an_upload_that_ends_a_job_while_its_worker_comes_back_harms_nobody(
    studio: StudioInThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
    fleet, jobs = studio.studio.fleet, studio.studio.jobs
    look = jobs.get

    async def overtaken(wanted: str) -> JobRecord | None:
        """The upload comes in while the studio waits for its database."""
        session = fleet.sessions.get(worker.worker_id)
        if wanted == job_id and session is not None:
            session.settle(job_id)
        return await look(wanted)

    with worker.connected():
        monkeypatch.setattr(jobs, "get", overtaken)
        assert worker.hello(job_id)["resume"] == [job_id]
        worker.heartbeat()
        monkeypatch.undo()
        following = studio.submit()
        assert worker.take_offer() == following, "the session goes on"


def test_a_result_can_be_delivered_without_a_socket_while_the_lease_lasts(
    studio: StudioInThread,
) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
    assert worker.complete(job_id).status_code == 204
    assert worker.complete(job_id).status_code == 204


def test_a_lost_socket_releases_the_job_of_a_worker_that_cannot_resume(
    studio: StudioInThread,
) -> None:
    worker, other = studio.new_worker(), studio.new_worker()
    with other.session(autoEnabled=False):
        with worker.session(features=[]):
            job_id = studio.submit()
            assert worker.take_offer() == job_id
        assert studio.wait_state(job_id, "queued")["attempts"] == 1
        assert worker.complete(job_id).status_code == 409
        other.heartbeat(autoEnabled=True)
        assert other.take_offer() == job_id


def test_an_offer_that_was_not_answered_is_not_kept_for_a_lost_socket(
    studio: StudioInThread,
) -> None:
    worker = studio.new_worker()
    with worker.session(features=["resume"]):
        job_id = studio.submit()
        assert worker.expect("offer")["claim"]["jobId"] == job_id
    assert studio.wait_state(job_id, "queued")["attempts"] == 1


def test_a_lease_that_ran_out_gives_the_job_to_another(studio: StudioInThread) -> None:
    worker, other = studio.new_worker(), studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
    studio.wait_worker(worker.worker_id, "offline")
    studio.time.shift += 31
    studio.wait_state(job_id, "queued")
    with other.session():
        assert other.take_offer() == job_id
        with worker.connected():
            assert worker.hello(job_id).get("resume", []) == []
            assert worker.expect("cancel")["jobId"] == job_id
            assert worker.complete(job_id).status_code == 409
            worker.send("fail", jobId=job_id, error="cancelled", retryable=False)
            worker.expect("failAck")
        assert other.complete(job_id).status_code == 204


def test_a_late_worker_gets_its_job_back_when_nobody_took_it(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
    studio.wait_worker(worker.worker_id, "offline")
    studio.time.shift += 300
    studio.wait_state(job_id, "queued")
    with worker.connected():
        assert worker.hello(job_id)["resume"] == [job_id]
        assert worker.complete(job_id).status_code == 204


def test_jobs_a_worker_no_longer_names_are_queued_again_at_once(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
    with worker.connected():
        assert worker.hello().get("resume", []) == []
        assert worker.take_offer() == job_id


def test_only_the_workers_own_jobs_are_resumed(studio: StudioInThread) -> None:
    worker, other = studio.new_worker(), studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        done = studio.submit()
        with other.connected():
            assert other.hello(job_id, done, "job-unknown").get("resume", []) == []


def test_a_json_answer_is_delivered_on_the_next_session(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(CHAT)
        worker.take_offer()
    with worker.connected():
        assert worker.hello(job_id)["resume"] == [job_id]
        worker.send("completeJson", jobId=job_id, result={"a": 1})
        assert worker.expect("completeAck")["jobId"] == job_id
    # The acknowledgement may have been lost with the socket: the answer is taken again.
    with worker.connected():
        assert worker.hello(job_id)["resume"] == [job_id]
        worker.send("completeJson", jobId=job_id, result={"a": 1})
        assert worker.expect("completeAck")["jobId"] == job_id
    assert studio.job(job_id)["result"]["json"] == {"a": 1}


def test_a_newer_session_takes_the_jobs_of_the_older_over(studio: StudioInThread) -> None:
    older = studio.new_worker()
    newer = type(older)(older.base, older.worker_id, older.token)
    with older.session():
        job_id = studio.submit()
        older.take_offer()
        with newer.connected():
            assert newer.hello(job_id)["resume"] == [job_id]
            assert older.expect_close() == 4003
            newer.heartbeat(job_id)
            assert studio.job(job_id)["state"] == "claimed"
            assert newer.complete(job_id).status_code == 204


def test_silence_for_thirty_seconds_releases_the_job_and_closes_the_socket(
    studio: StudioInThread,
) -> None:
    worker, other = studio.new_worker(), studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        studio.time.shift += 29
        worker.heartbeat(job_id)
        studio.time.shift += 29
        assert studio.job(job_id)["state"] == "claimed"
        studio.time.shift += 2
        assert worker.expect_close() == 1000
    with other.session():
        assert other.take_offer() == job_id


def test_deleting_a_worker_gives_its_job_to_others(studio: StudioInThread) -> None:
    worker, other = studio.new_worker(), studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        studio.call("DELETE", f"/workers/{worker.worker_id}")
        with other.session():
            assert other.take_offer() == job_id
        assert worker.complete(job_id).status_code == 401


def test_claims_survive_a_restart_of_the_studio(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id, waiting = studio.submit(), studio.submit()
        worker.take_offer()
        studio.restart()
    assert studio.job(job_id)["state"] == "claimed"
    worker.base = studio.base
    with worker.connected():
        assert worker.hello(job_id)["resume"] == [job_id]
        assert worker.complete(job_id).status_code == 204
        assert worker.take_offer() == waiting


def test_a_claim_lapses_when_its_worker_does_not_come_back_after_a_restart(
    studio: StudioInThread,
) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        studio.restart()
    studio.time.shift += 40
    assert studio.job(job_id)["state"] == "claimed"
    studio.time.shift += 10
    studio.wait_state(job_id, "queued")


def test_a_cancel_asked_for_while_the_worker_was_away_reaches_it(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
    studio.wait_worker(worker.worker_id, "offline")
    assert studio.call("POST", f"/jobs/{job_id}/cancel")["state"] == "cancelled"
    with worker.connected():
        assert worker.hello(job_id).get("resume", []) == []
        assert worker.expect("cancel")["jobId"] == job_id
    assert worker.complete(job_id).status_code == 409


def test_a_cancelled_job_whose_worker_vanishes_is_not_queued_again(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        studio.call("POST", f"/jobs/{job_id}/cancel")
        worker.expect("cancel")
    studio.wait_worker(worker.worker_id, "offline")
    studio.time.shift += 31
    studio.wait_state(job_id, "cancelled")


def test_a_file_that_was_delivered_before_is_neither_resumed_nor_stopped(
    studio: StudioInThread,
) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        worker.complete(job_id)
    with worker.connected():
        assert worker.hello(job_id).get("resume", []) == []
        worker.expect_silence()
        assert worker.complete(job_id).status_code == 204
