"""Offers that a worker turns down, hands back or does not answer."""

from __future__ import annotations

import pytest

from plugins.studio.tests.support.studio_in_thread import MakeStudio, StudioInThread

CHAT = {"kind": "llm", "messages": [{"role": "user", "content": "hello"}]}


def test_a_job_handed_back_at_shutdown_counts_no_attempt(studio: StudioInThread) -> None:
    worker, other = studio.new_worker(), studio.new_worker()
    with worker.session():
        job_id = studio.submit(maxAttempts=1)
        worker.take_offer()
        worker.send("fail", jobId=job_id, error="stopping", retryable=True, code="shutdown")
        worker.expect("failAck")
        assert studio.wait_state(job_id, "queued")["attempts"] == 0
        with other.session():
            assert other.take_offer() == job_id


@pytest.mark.parametrize("code", ["busy", "paused"])
def test_a_busy_or_paused_reject_counts_nothing_and_waits_for_the_next_heartbeat(
    studio: StudioInThread, code: str
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


def test_a_rejected_job_goes_to_another_worker_at_once(studio: StudioInThread) -> None:
    first, second = studio.new_worker(), studio.new_worker()
    with first.session(), second.session():
        job_id = studio.submit()
        first.expect("offer")
        first.send("reject", jobId=job_id, reason="busy", code="busy")
        assert second.take_offer() == job_id


def test_any_other_reject_leaves_the_job_to_others_for_a_while(studio: StudioInThread) -> None:
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


def test_a_rejected_job_comes_back_when_there_are_no_others(make_studio: MakeStudio) -> None:
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


def test_an_offer_nobody_answers_goes_to_another(make_studio: MakeStudio) -> None:
    studio = make_studio(offer_seconds=10.0)
    deaf, other = studio.new_worker(), studio.new_worker()
    with deaf.session(), other.session():
        job_id = studio.submit()
        assert deaf.expect("offer")["claim"]["jobId"] == job_id
        studio.time.shift += 11
        assert other.take_offer() == job_id
        deaf.send("accept", jobId=job_id)
        deaf.heartbeat()
