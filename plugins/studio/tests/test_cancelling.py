"""Jobs that the operator cancels or tries again."""

from __future__ import annotations

from plugins.studio.tests.support.studio_in_thread import StudioInThread


def test_cancelling_a_queued_job_ends_it(studio: StudioInThread) -> None:
    job_id = studio.submit()
    assert studio.call("POST", f"/jobs/{job_id}/cancel")["state"] == "cancelled"
    worker = studio.new_worker()
    with worker.session():
        worker.heartbeat()
        worker.expect_silence()
    assert studio.raw("POST", f"/jobs/{job_id}/cancel").status_code == 409


def test_a_worker_that_knows_cancel_is_asked_to_stop(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        asked = studio.call("POST", f"/jobs/{job_id}/cancel")
        assert (asked["state"], asked["cancelRequested"]) == ("claimed", True)
        assert worker.expect("cancel")["jobId"] == job_id
        worker.send("fail", jobId=job_id, error="cancelled", retryable=False)
        worker.expect("failAck")
        assert studio.wait_state(job_id, "cancelled")["attempts"] == 0


def test_cancelling_a_second_time_takes_the_job_away(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        studio.call("POST", f"/jobs/{job_id}/cancel")
        assert studio.call("POST", f"/jobs/{job_id}/cancel")["state"] == "cancelled"
        worker.expect("cancel")
        worker.expect("cancel")
        worker.send("fail", jobId=job_id, error="cancelled", retryable=False)
        worker.expect("failAck")
        assert worker.complete(job_id).status_code == 409


def test_a_worker_that_does_not_know_cancel_never_hears_it_and_gets_409(
    studio: StudioInThread,
) -> None:
    worker = studio.new_worker()
    with worker.session(features=[]):
        job_id = studio.submit()
        worker.take_offer()
        assert studio.call("POST", f"/jobs/{job_id}/cancel")["state"] == "cancelled"
        worker.expect_silence()
        assert worker.complete(job_id).status_code == 409
        worker.heartbeat()


def test_an_ended_job_can_be_tried_again_with_all_its_attempts(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(maxAttempts=1)
        worker.take_offer()
        worker.send("fail", jobId=job_id, error="x", retryable=True)
        worker.expect("failAck")
        studio.wait_state(job_id, "failed")
        again = studio.call("POST", f"/jobs/{job_id}/retry")
        assert again["attempts"] == 0
        assert "error" not in again
        assert worker.take_offer() == job_id
        assert worker.complete(job_id).ok
    assert studio.raw("POST", f"/jobs/{job_id}/retry").status_code == 409
