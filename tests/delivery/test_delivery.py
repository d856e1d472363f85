from __future__ import annotations

import logging
import os
import shutil

import pytest

from studio_worker_core.config import OutboxLimits
from studio_worker_core.delivery import Delivery, Settled
from studio_worker_core.delivery.machine import LARGE_BYTES
from studio_worker_core.errors import HttpStatusError, ResultDamaged
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.wire.frames import Fail
from tests.delivery.conftest import Field, Results

WAIT = 60.0


def test_a_submitted_result_is_delivered_at_once(field: Field, results: Results) -> None:
    field.delivery.start()
    field.delivery.submit(results.picture(field.outbox))
    assert field.wait_settled() == [("job-1", "delivered")]
    assert field.delivery.flush(WAIT)
    assert field.outbox.pending() == []
    assert field.delivery.pending_ids() == []


def test_what_was_left_is_delivered_oldest_first(field: Field, results: Results) -> None:
    for job in ("a", "b", "c"):
        results.picture(field.outbox, job)
    field.delivery.start()
    field.wait_settled(3)
    assert field.studio.got == ["a", "b", "c"]


def test_unfinished_jobs_are_known_before_the_first_hello(field: Field, results: Results) -> None:
    results.answer(field.outbox, "b")
    field.delivery.start()
    assert field.delivery.pending_ids() == ["b"]


def test_a_failing_result_never_blocks_the_others(field: Field, results: Results) -> None:
    field.studio.faults["a"] = HttpStatusError("complete", 503, "busy")
    for job in ("a", "b", "c"):
        results.picture(field.outbox, job)
    field.delivery.start()
    field.wait_settled(2)
    assert not field.delivery.flush(WAIT)
    assert field.studio.got == ["b", "c"]
    assert field.studio.attempts == ["a", "b", "c"]
    (left,) = field.outbox.pending()
    assert left.manifest.attempts == 1
    assert "503" in (left.manifest.last_error or "")


def test_a_studio_that_is_down_for_an_hour_loses_nothing(field: Field, results: Results) -> None:
    field.studio.down = True
    field.delivery.start()
    for number in range(5):
        field.delivery.submit(results.picture(field.outbox, f"job-{number}"))
    assert not field.delivery.flush(WAIT)
    while field.now < 3600:
        field.now += 300.0
        # A submit of what is there already changes nothing but wakes the thread.
        field.delivery.on_closed(field.session(99))
        assert not field.delivery.flush(WAIT)
    assert len(field.outbox.pending()) == 5
    assert 50 <= len(field.studio.attempts) <= 70
    field.studio.down = False
    field.wake()
    field.wait_settled(5)
    assert field.studio.got == [f"job-{number}" for number in range(5)]


def test_stop_aborts_an_upload_at_once_and_keeps_the_result(field: Field, results: Results) -> None:
    field.studio.holding.add("job-1")
    field.delivery.start()
    field.delivery.submit(results.picture(field.outbox))
    assert field.studio.started.wait(WAIT)
    assert field.delivery.in_flight() == "job-1"
    field.stop.set()
    assert field.delivery.join(WAIT)
    assert field.studio.aborted.is_set()
    (left,) = field.outbox.pending()
    assert left.manifest.attempts == 0


@pytest.mark.parametrize(("status", "said"), [(409, "no longer holds"), (413, "too large")])
def test_a_final_refusal_is_kept_with_its_reason(
    field: Field, results: Results, status: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    field.studio.faults["job-1"] = HttpStatusError("complete", status, "no")
    field.delivery.start()
    with caplog.at_level(logging.WARNING, "studio_worker.delivery"):
        field.delivery.submit(results.picture(field.outbox))
        assert field.wait_settled() == [("job-1", "refused")]
    (kept,) = field.outbox.refused()
    assert said in (field.settled[0].reason or "")
    assert kept.manifest.refused is not None
    assert kept.manifest.refused.status == status
    assert str(kept.directory) in caplog.text


def test_a_credentials_problem_is_final_kept_and_told(field: Field, results: Results) -> None:
    field.studio.faults["job-1"] = HttpStatusError("complete", 401, "who?")
    session = field.wake(number=1)
    field.delivery.start()
    field.delivery.submit(results.picture(field.outbox))
    assert field.wait_settled() == [("job-1", "refused")]
    assert session.sent.wait(WAIT)
    (frame,) = session.frames
    assert (frame.job_id, frame.retryable) == ("job-1", True)
    assert [entry.job_id for entry in field.outbox.refused()] == ["job-1"]


def test_a_bug_in_the_upload_does_not_stop_deliveries(
    field: Field, results: Results, caplog: pytest.LogCaptureFixture
) -> None:
    field.studio.faults["a"] = ZeroDivisionError("oops")
    field.delivery.start()
    with caplog.at_level(logging.ERROR):
        field.delivery.submit(results.picture(field.outbox, "a"))
        field.delivery.submit(results.picture(field.outbox, "b"))
        assert field.wait_settled() == [("b", "delivered")]
    assert [entry.job_id for entry in field.outbox.pending()] == ["a"]
    assert "ZeroDivisionError" in caplog.text


def test_a_failing_observer_does_not_stop_deliveries(field: Field, results: Results) -> None:
    def fail_once(settled: Settled) -> None:
        field.on_settled(settled)
        raise RuntimeError("observer")

    field.delivery = Delivery(
        field.outbox, [field.studio.complete], field.stop, on_settled=fail_once
    )
    field.delivery.start()
    field.delivery.submit(results.picture(field.outbox, "a"))
    field.delivery.submit(results.picture(field.outbox, "b"))
    field.wait_settled(2)
    assert field.delivery.flush(WAIT)


def test_a_large_file_of_a_job_that_is_not_ours_is_not_sent(field: Field, results: Results) -> None:
    field.ours = False
    field.delivery.start()
    field.delivery.submit(results.picture(field.outbox, "big", size=LARGE_BYTES + 1))
    field.delivery.submit(results.picture(field.outbox, "small"))
    field.wait_settled(2)
    assert field.studio.attempts == ["small"]
    assert [entry.job_id for entry in field.outbox.refused()] == ["big"]


def test_a_file_that_went_bad_is_set_aside(field: Field, results: Results) -> None:
    entry = results.picture(field.outbox)
    field.delivery.start()
    assert field.delivery.flush(WAIT)
    bad = results.picture(field.outbox, "bad")
    bad.path.write_bytes(b"cut")
    field.delivery.submit(bad)
    assert field.delivery.flush(WAIT)
    assert field.studio.got == [entry.job_id]
    assert len(field.outbox.corrupt()) == 1
    assert field.outbox.pending() == []


def _harm(entry: Entry, how: str) -> None:
    match how:
        case "truncated":
            entry.path.write_bytes(entry.path.read_bytes()[:-1])
        case "flipped":
            data = bytearray(entry.path.read_bytes())
            data[-3] ^= 1  # JSON stays JSON, and says something else
            entry.path.write_bytes(data)
        case "manifest broken":
            (entry.directory / "manifest.json").write_bytes(b"{")
        case "manifest a directory":
            (entry.directory / "manifest.json").unlink()
            (entry.directory / "manifest.json").mkdir()
        case "manifest a pipe":
            (entry.directory / "manifest.json").unlink()
            os.mkfifo(entry.directory / "manifest.json")
        case "directory gone":
            shutil.rmtree(entry.directory)
        case "purged":
            Outbox(entry.directory.parent.parent, OutboxLimits).forget(entry)


@pytest.mark.parametrize(
    "how",
    [
        "truncated",
        "flipped",
        "manifest broken",
        "manifest a directory",
        "manifest a pipe",
        "directory gone",
        "purged",
    ],
)
@pytest.mark.parametrize("kind", ["picture", "answer"])
def test_a_result_that_is_harmed_before_its_delivery_is_answered_with_fail(
    field: Field, results: Results, how: str, kind: str
) -> None:
    entry = getattr(results, kind)(field.outbox, "job-1", session=1)
    _harm(entry, how)
    field.delivery = field.new(rescan_seconds=0.0)
    field.delivery.submit(entry)
    session = field.wake(number=1)
    if kind == "picture" and how == "flipped":
        field.studio.faults["job-1"] = ResultDamaged("its SHA-256 has changed")
    field.delivery.start()
    assert session.sent.wait(WAIT)
    (frame,) = session.frames
    assert isinstance(frame, Fail)
    assert (frame.job_id, frame.retryable) == ("job-1", True)
    assert str(field.outbox.root) not in frame.error
    assert field.wait_settled() == [("job-1", "lost")]
    assert field.delivery.flush(WAIT)
    assert field.delivery.pending_ids() == []
    assert list((field.outbox.root / "jobs").iterdir()) == []


def test_a_result_lost_without_a_session_is_answered_when_the_job_is_resumed(
    field: Field, results: Results
) -> None:
    entry = results.picture(field.outbox)
    _harm(entry, "directory gone")
    field.delivery.submit(entry)
    field.delivery.start()
    assert field.wait_settled() == [("job-1", "lost")]
    session = field.wake(frozenset({"job-1"}))
    assert session.sent.wait(WAIT)
    assert isinstance(session.frames[0], Fail)


def test_a_result_retried_from_another_process_is_found(field: Field, results: Results) -> None:
    field.delivery = field.new(rescan_seconds=0.0)
    kept = field.outbox.refuse(results.picture(field.outbox), "no", 409)
    assert kept is not None
    field.delivery.start()
    Outbox(field.outbox.root, OutboxLimits).retry(kept)
    assert field.wait_settled() == [("job-1", "delivered")]


def test_a_result_purged_from_another_process_is_lost_and_said(
    field: Field, results: Results
) -> None:
    field.studio.down = True
    field.delivery.start()
    entry = results.picture(field.outbox)
    field.delivery.submit(entry)
    assert not field.delivery.flush(WAIT)
    Outbox(field.outbox.root, OutboxLimits).forget(entry)
    field.wake()
    assert field.delivery.flush(WAIT)
    assert field.delivery.pending_ids() == []
    assert field.wait_settled() == [("job-1", "lost")]


def test_flush_waits_for_what_is_on_its_way(field: Field, results: Results) -> None:
    field.studio.holding.add("job-1")
    field.delivery.start()
    field.delivery.submit(results.picture(field.outbox))
    assert field.studio.started.wait(WAIT)
    assert not field.delivery.flush(0.05)
    field.studio.released.set()
    assert field.delivery.flush(WAIT)


def test_flush_before_anything_happened_returns_at_once(field: Field) -> None:
    field.delivery.start()
    assert field.delivery.flush(WAIT)
