"""What a worker says of a job it holds: progress, an answer, a failure."""

from __future__ import annotations

from plugins.studio.tests.support.studio_in_thread import StudioInThread

CHAT = {"kind": "llm", "messages": [{"role": "user", "content": "hello"}]}


def test_a_retryable_failure_is_tried_again_until_the_attempts_are_spent(
    studio: StudioInThread,
) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(maxAttempts=2)
        for left in (True, False):
            assert worker.take_offer() == job_id
            worker.send("fail", jobId=job_id, error="out of memory", retryable=True)
            assert worker.expect("failAck")["jobId"] == job_id
            if left:
                assert studio.job(job_id)["attempts"] == 1
        job = studio.wait_state(job_id, "failed")
        assert job["attempts"] == 2
        assert job["error"] == "out of memory"
        assert job["workerId"] == worker.worker_id
        worker.expect_silence()


def test_a_failure_that_is_not_retryable_is_final(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(maxAttempts=9)
        worker.take_offer()
        worker.send("fail", jobId=job_id, error="no such engine", retryable=False)
        worker.expect("failAck")
        job = studio.wait_state(job_id, "failed")
        assert job["attempts"] == 1


def test_a_json_answer_is_stored_and_acknowledged(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(CHAT)
        worker.take_offer()
        answer = {"choices": [{"n": 1}], "empty": None}
        worker.send("completeJson", jobId=job_id, result=answer, prompt="user: hello")
        assert worker.expect("completeAck")["jobId"] == job_id
        job = studio.wait_state(job_id, "done")
        assert job["result"]["json"] == answer
        assert job["prompt"] == "user: hello"
        assert studio.call("GET", f"/jobs/{job_id}/result") == answer
        worker.send("completeJson", jobId=job_id, result=answer)
        assert worker.expect("completeAck")["jobId"] == job_id
        following = studio.submit()
        assert worker.take_offer() == following


def test_json_for_a_job_that_wants_a_file_is_a_failed_attempt(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(maxAttempts=1)
        worker.take_offer()
        worker.send("completeJson", jobId=job_id, result={})
        worker.expect("completeAck")
        assert "JSON" in studio.wait_state(job_id, "failed")["error"]


def test_progress_is_shown_and_never_goes_backwards(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        for fraction in (0.5, 0.25):
            worker.send("progress", jobId=job_id, fraction=fraction, message="drawing")
        worker.heartbeat(job_id)
        assert studio.job(job_id)["progress"] == {"fraction": 0.5, "message": "drawing"}
        worker.complete(job_id)
        assert "progress" not in studio.job(job_id)


def test_progress_that_comes_after_the_end_is_ignored(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        worker.complete(job_id)
        worker.send("progress", jobId=job_id, fraction=0.9)
        worker.heartbeat()
        job = studio.job(job_id)
        assert job["state"] == "done"
        assert "progress" not in job
        following = studio.submit()
        assert worker.take_offer() == following, "the session goes on"


def test_a_result_may_overtake_its_accept(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        assert worker.expect("offer")["claim"]["jobId"] == job_id
        worker.complete(job_id)
        worker.send("accept", jobId=job_id)
        worker.heartbeat()
        following = studio.submit()
        assert worker.take_offer() == following, "the session goes on"
