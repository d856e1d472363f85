from __future__ import annotations

import logging
from typing import Any

import pytest

from studio_worker_core.config import OutboxLimits
from studio_worker_core.delivery import Delivery, Settled
from studio_worker_core.delivery.decisions import LARGE_BYTES
from studio_worker_core.errors import HttpStatusError
from studio_worker_core.outbox import Outbox

WAIT = 20.0


def test_a_submitted_result_is_delivered_at_once(post: Any, results: Any) -> None:
    post.delivery.start()
    post.delivery.submit(results.picture(post.outbox))
    assert post.wait_settled() == [("job-1", "delivered")]
    assert post.delivery.flush(WAIT)
    assert post.outbox.pending() == []
    assert post.delivery.pending_ids() == []


def test_what_was_left_is_delivered_oldest_first(post: Any, results: Any) -> None:
    for job in ("a", "b", "c"):
        results.picture(post.outbox, job)
    post.delivery.start()
    post.wait_settled(3)
    assert post.studio.got == ["a", "b", "c"]


def test_unfinished_jobs_are_known_before_the_first_hello(post: Any, results: Any) -> None:
    results.answer(post.outbox, "b")
    post.delivery.start()
    assert post.delivery.pending_ids() == ["b"]


def test_a_failing_result_never_blocks_the_others(post: Any, results: Any) -> None:
    post.studio.faults["a"] = HttpStatusError("complete", 503, "busy")
    for job in ("a", "b", "c"):
        results.picture(post.outbox, job)
    post.delivery.start()
    post.wait_settled(2)
    assert not post.delivery.flush(WAIT)
    assert post.studio.got == ["b", "c"]
    assert post.studio.attempts == ["a", "b", "c"]
    (left,) = post.outbox.pending()
    assert left.manifest.attempts == 1
    assert "503" in (left.manifest.last_error or "")


def test_a_studio_that_is_down_for_an_hour_loses_nothing(post: Any, results: Any) -> None:
    post.studio.down = True
    post.delivery.start()
    for number in range(5):
        post.delivery.submit(results.picture(post.outbox, f"job-{number}"))
    assert not post.delivery.flush(WAIT)
    while post.now < 3600:
        post.now += 300.0
        # A submit of what is there already changes nothing but wakes the thread.
        post.delivery.on_closed(post.session(99))
        assert not post.delivery.flush(WAIT)
    assert len(post.outbox.pending()) == 5
    assert 50 <= len(post.studio.attempts) <= 70
    post.studio.down = False
    post.wake()
    post.wait_settled(5)
    assert post.studio.got == [f"job-{number}" for number in range(5)]


def test_stop_aborts_an_upload_at_once_and_keeps_the_result(post: Any, results: Any) -> None:
    post.studio.holding.add("job-1")
    post.delivery.start()
    post.delivery.submit(results.picture(post.outbox))
    assert post.studio.started.wait(WAIT)
    assert post.delivery.in_flight() == "job-1"
    post.stop.set()
    assert post.delivery.join(WAIT)
    assert post.studio.aborted.is_set()
    (left,) = post.outbox.pending()
    assert left.manifest.attempts == 0


@pytest.mark.parametrize(("status", "said"), [(409, "no longer holds"), (413, "too large")])
def test_a_final_refusal_is_kept_with_its_reason(
    post: Any, results: Any, status: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    post.studio.faults["job-1"] = HttpStatusError("complete", status, "no")
    post.delivery.start()
    with caplog.at_level(logging.WARNING, "studio_worker.delivery"):
        post.delivery.submit(results.picture(post.outbox))
        assert post.wait_settled() == [("job-1", "refused")]
    (kept,) = post.outbox.refused()
    assert said in (post.settled[0].reason or "")
    assert kept.manifest.refused is not None
    assert kept.manifest.refused.status == status
    assert str(kept.directory) in caplog.text


def test_a_credentials_problem_keeps_the_result_until_a_welcome(post: Any, results: Any) -> None:
    post.studio.faults["job-1"] = HttpStatusError("complete", 401, "who?")
    post.delivery.start()
    post.delivery.submit(results.picture(post.outbox))
    assert not post.delivery.flush(WAIT)
    del post.studio.faults["job-1"]
    post.wake()
    assert post.wait_settled() == [("job-1", "delivered")]


def test_a_bug_in_the_upload_does_not_stop_deliveries(
    post: Any, results: Any, caplog: pytest.LogCaptureFixture
) -> None:
    post.studio.faults["a"] = ZeroDivisionError("oops")
    post.delivery.start()
    with caplog.at_level(logging.ERROR):
        post.delivery.submit(results.picture(post.outbox, "a"))
        post.delivery.submit(results.picture(post.outbox, "b"))
        assert post.wait_settled() == [("b", "delivered")]
    assert [entry.job_id for entry in post.outbox.pending()] == ["a"]
    assert "ZeroDivisionError" in caplog.text


def test_a_failing_observer_does_not_stop_deliveries(post: Any, results: Any) -> None:
    def fail_once(settled: Settled) -> None:
        post.on_settled(settled)
        raise RuntimeError("observer")

    post.delivery = Delivery(post.outbox, post.studio.complete, post.stop, on_settled=fail_once)
    post.delivery.start()
    post.delivery.submit(results.picture(post.outbox, "a"))
    post.delivery.submit(results.picture(post.outbox, "b"))
    post.wait_settled(2)
    assert post.delivery.flush(WAIT)


def test_a_large_file_of_a_job_that_is_not_ours_is_not_sent(post: Any, results: Any) -> None:
    post.ours = False
    post.delivery.start()
    post.delivery.submit(results.picture(post.outbox, "big", size=LARGE_BYTES + 1))
    post.delivery.submit(results.picture(post.outbox, "small"))
    post.wait_settled(2)
    assert post.studio.attempts == ["small"]
    assert [entry.job_id for entry in post.outbox.refused()] == ["big"]


def test_a_file_that_went_bad_is_set_aside(post: Any, results: Any) -> None:
    entry = results.picture(post.outbox)
    post.delivery.start()
    assert post.delivery.flush(WAIT)
    bad = results.picture(post.outbox, "bad")
    bad.path.write_bytes(b"cut")
    post.delivery.submit(bad)
    assert post.delivery.flush(WAIT)
    assert post.studio.got == [entry.job_id]
    assert len(post.outbox.corrupt()) == 1
    assert post.outbox.pending() == []


def test_a_result_retried_from_another_process_is_found(post: Any, results: Any) -> None:
    post.delivery = post.new(rescan_seconds=0.0)
    kept = post.outbox.refuse(results.picture(post.outbox), "no", 409)
    post.delivery.start()
    Outbox(post.outbox.root, OutboxLimits).retry(kept)
    assert post.wait_settled() == [("job-1", "delivered")]


def test_a_result_purged_from_another_process_is_forgotten(post: Any, results: Any) -> None:
    post.studio.down = True
    post.delivery.start()
    entry = results.picture(post.outbox)
    post.delivery.submit(entry)
    assert not post.delivery.flush(WAIT)
    Outbox(post.outbox.root, OutboxLimits).forget(entry)
    post.wake()
    assert post.delivery.flush(WAIT)
    assert post.delivery.pending_ids() == []
    assert post.settled == []


def test_flush_waits_for_what_is_on_its_way(post: Any, results: Any) -> None:
    post.studio.holding.add("job-1")
    post.delivery.start()
    post.delivery.submit(results.picture(post.outbox))
    assert post.studio.started.wait(WAIT)
    assert not post.delivery.flush(0.05)
    post.studio.released.set()
    assert post.delivery.flush(WAIT)


def test_flush_before_anything_happened_returns_at_once(post: Any) -> None:
    post.delivery.start()
    assert post.delivery.flush(WAIT)
