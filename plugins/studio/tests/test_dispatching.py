"""Who gets which job, and what becomes of it (protocol §5)."""

from __future__ import annotations

from typing import Any

import pytest

CHAT = {"kind": "llm", "messages": [{"role": "user", "content": "hello"}]}
PICTURE = {"kind": "image", "prompt": "a boat"}


def test_an_offer_carries_the_whole_claim(studio: Any) -> None:
    worker = studio.new_worker()
    source = {
        "engine": "sd-cpp",
        "files": [
            {"role": "model", "url": "https://x.example/m.gguf", "filename": "m.gguf"},
        ],
        "cliDefaults": {"cfgScale": 7.0, "steps": 4, "width": 256, "height": 256},
    }
    with worker.session():
        job_id = studio.submit(
            {**PICTURE, "width": 64},
            model="flux",
            modelSource=source,
            gameId="g",
            assetName="g/k/n",
            vramGbEstimate=4.0,
        )
        claim = worker.expect("offer")["claim"]
    assert claim == {
        "jobId": job_id,
        "gameId": "g",
        "assetName": "g/k/n",
        "model": "flux",
        "vramGbEstimate": 4.0,
        "task": {**PICTURE, "width": 64},
        "modelSource": source,
    }


def test_the_earliest_connected_worker_wins(studio: Any) -> None:
    first, second = studio.new_worker(), studio.new_worker()
    with second.session(), first.session():
        job_id = studio.submit()
        assert second.take_offer() == job_id
        other = studio.submit()
        assert first.take_offer() == other


def test_one_job_at_a_time_per_worker(studio: Any) -> None:
    worker = studio.new_worker()
    with worker.session():
        first, second = studio.submit(), studio.submit()
        assert worker.take_offer() == first
        worker.expect_silence()
        worker.heartbeat(first)
        assert worker.complete(first).status_code == 204
        assert worker.take_offer() == second


def test_higher_priority_goes_first_then_the_older(studio: Any) -> None:
    low, high, next_low = studio.submit(), studio.submit(CHAT, priority=5), studio.submit()
    worker = studio.new_worker()
    with worker.session():
        order = []
        for _ in range(3):
            job_id = worker.take_offer()
            order.append(job_id)
            worker.send("fail", jobId=job_id, error="x", retryable=False)
            worker.expect("failAck")
    assert order == [high, low, next_low]


@pytest.mark.parametrize(
    "unfit",
    [
        {"autoEnabled": False},
        {"taskKinds": ["llm"]},
        {"vramThresholdGb": 3.9},
        {"onlyWhenIdle": True},
        {"onlyWhenIdle": True, "userPresence": "active"},
    ],
)
def test_a_worker_that_is_no_candidate_gets_nothing_until_it_is(
    studio: Any, unfit: dict[str, Any]
) -> None:
    worker = studio.new_worker()
    job_id = studio.submit(vramGbEstimate=4.0)
    with worker.session(**unfit):
        worker.heartbeat()
        worker.expect_silence()
        assert studio.job(job_id)["state"] == "queued"
        fit = {
            "autoEnabled": True,
            "taskKinds": ["image"],
            "vramThresholdGb": 4.0,
            "onlyWhenIdle": True,
            "userPresence": "idle",
        }
        worker.heartbeat(**fit)
        assert worker.take_offer() == job_id


def test_a_worker_busy_with_a_job_of_its_own_gets_nothing(studio: Any) -> None:
    worker = studio.new_worker()
    with worker.session():
        worker.heartbeat("local-1")
        job_id = studio.submit()
        worker.expect_silence()
        assert studio.call("GET", f"/workers/{worker.worker_id}")["state"] == "busy"
        worker.heartbeat()
        assert worker.take_offer() == job_id


def test_a_stale_current_job_does_not_keep_the_next_one_away(studio: Any) -> None:
    worker = studio.new_worker()
    with worker.session():
        first = studio.submit()
        assert worker.take_offer() == first
        assert worker.complete(first).ok
        worker.heartbeat(first)
        second = studio.submit()
        assert worker.take_offer() == second


def test_a_job_waits_for_the_worker_that_serves_its_model(studio: Any) -> None:
    plain, able = studio.new_worker(), studio.new_worker()
    source = {"engine": "sd-cpp", "files": []}
    with plain.session(), able.session(supportedModelsPerKind={"image": ["sd-cpp:*"]}):
        first = studio.submit(model="flux", modelSource=source)
        assert able.take_offer() == first
        second = studio.submit(model="flux", modelSource=source)
        plain.heartbeat()
        plain.expect_silence()
        third = studio.submit()
        assert plain.take_offer() == third
        assert able.complete(first).ok
        assert able.take_offer() == second


@pytest.mark.parametrize("code", ["busy", "paused"])
def test_a_busy_or_paused_reject_counts_nothing_and_waits_for_the_next_heartbeat(
    studio: Any, code: str
) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.expect("offer")
        worker.send("reject", jobId=job_id, reason="not now", code=code)
        studio.wait_state(job_id, "queued")
        studio.submit(CHAT)
        worker.expect_silence()
        assert studio.job(job_id)["attempts"] == 0
        worker.heartbeat()
        assert worker.take_offer() == job_id


def test_a_rejected_job_goes_to_another_worker_at_once(studio: Any) -> None:
    first, second = studio.new_worker(), studio.new_worker()
    with first.session(), second.session():
        job_id = studio.submit()
        first.expect("offer")
        first.send("reject", jobId=job_id, reason="busy", code="busy")
        assert second.take_offer() == job_id


def test_any_other_reject_leaves_the_job_to_others_for_a_while(studio: Any) -> None:
    first, second = studio.new_worker(), studio.new_worker()
    with first.session():
        job_id = studio.submit()
        first.expect("offer")
        first.send("reject", jobId=job_id, reason="not my taste")
        studio.wait_state(job_id, "queued")
        first.heartbeat()
        first.expect_silence()
        other = studio.submit()
        assert first.take_offer() == other
        with second.session():
            assert second.take_offer() == job_id


def test_a_rejected_job_comes_back_when_there_are_no_others(make_studio: Any) -> None:
    studio = make_studio(refusal_seconds=10.0)
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.expect("offer")
        worker.send("reject", jobId=job_id, reason="not my taste")
        studio.wait_state(job_id, "queued")
        worker.heartbeat()
        worker.expect_silence()
        studio.time.shift += 11
        studio.wait_sweep()
        worker.heartbeat()
        assert worker.take_offer() == job_id


def test_a_retryable_failure_is_tried_again_until_the_attempts_are_spent(studio: Any) -> None:
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


def test_a_failure_that_is_not_retryable_is_final(studio: Any) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(maxAttempts=9)
        worker.take_offer()
        worker.send("fail", jobId=job_id, error="no such engine", retryable=False)
        worker.expect("failAck")
        job = studio.wait_state(job_id, "failed")
        assert job["attempts"] == 1


def test_a_json_answer_is_stored_and_acknowledged(studio: Any) -> None:
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


def test_json_for_a_job_that_wants_a_file_is_a_failed_attempt(studio: Any) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(maxAttempts=1)
        worker.take_offer()
        worker.send("completeJson", jobId=job_id, result={})
        worker.expect("completeAck")
        assert "JSON" in studio.wait_state(job_id, "failed")["error"]


def test_progress_is_shown_and_never_goes_backwards(studio: Any) -> None:
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


def test_progress_that_comes_after_the_end_is_ignored(studio: Any) -> None:
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


def test_a_result_may_overtake_its_accept(studio: Any) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        assert worker.expect("offer")["claim"]["jobId"] == job_id
        worker.complete(job_id)
        worker.send("accept", jobId=job_id)
        worker.heartbeat()
        following = studio.submit()
        assert worker.take_offer() == following, "the session goes on"


def test_an_offer_nobody_answers_goes_to_another(make_studio: Any) -> None:
    studio = make_studio(offer_seconds=10.0)
    deaf, other = studio.new_worker(), studio.new_worker()
    with deaf.session(), other.session():
        job_id = studio.submit()
        assert deaf.expect("offer")["claim"]["jobId"] == job_id
        studio.time.shift += 11
        assert other.take_offer() == job_id
        deaf.send("accept", jobId=job_id)
        deaf.heartbeat()


def test_cancelling_a_queued_job_ends_it(studio: Any) -> None:
    job_id = studio.submit()
    assert studio.call("POST", f"/jobs/{job_id}/cancel")["state"] == "cancelled"
    worker = studio.new_worker()
    with worker.session():
        worker.heartbeat()
        worker.expect_silence()
    assert studio.raw("POST", f"/jobs/{job_id}/cancel").status_code == 409


def test_a_worker_that_knows_cancel_is_asked_to_stop(studio: Any) -> None:
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


def test_cancelling_a_second_time_takes_the_job_away(studio: Any) -> None:
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


def test_a_worker_that_does_not_know_cancel_never_hears_it_and_gets_409(studio: Any) -> None:
    worker = studio.new_worker()
    with worker.session(features=[]):
        job_id = studio.submit()
        worker.take_offer()
        assert studio.call("POST", f"/jobs/{job_id}/cancel")["state"] == "cancelled"
        worker.expect_silence()
        assert worker.complete(job_id).status_code == 409
        worker.heartbeat()


def test_an_ended_job_can_be_tried_again_with_all_its_attempts(studio: Any) -> None:
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
