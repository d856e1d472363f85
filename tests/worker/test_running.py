"""How each job's end is told, once."""

from __future__ import annotations

from typing import Any

import pytest

from studio_worker_core.errors import EngineFailed, InvalidTask, JobError
from studio_worker_core.wire.frames import Fail, Progress
from studio_worker_core.worker.held import HeldJob, StopReason


def fails_with(error: Exception) -> Any:
    def work(_held: HeldJob) -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (EngineFailed("engine 'toy' died"), Fail("job-1", "engine 'toy' died", True)),
        (InvalidTask("no such voice"), Fail("job-1", "no such voice", False)),
        (JobError("the disk is full"), Fail("job-1", "the disk is full", True)),
        (ValueError("a bug"), Fail("job-1", "internal error of the worker: a bug", True)),
    ],
)
def test_a_failure_is_told_once_with_its_cause(shop: Any, error: Exception, told: Fail) -> None:
    shop.work = fails_with(error)
    session = shop.session(1)
    shop.desk.on_offer(session, shop.claim())
    assert session.wait_frame(Fail) == told
    assert shop.gate.holder is None, "the gate is open before the studio learns of the end"
    shop.work = lambda held: None
    shop.desk.on_offer(session, shop.claim("job-2"))
    assert shop.uploaded.wait(20)
    assert [type(frame) for frame in session.frames].count(Fail) == 1


def test_a_failure_with_nobody_to_tell_is_counted_and_forgotten(shop: Any) -> None:
    def work(held: HeldJob) -> None:
        shop.desk.on_closed(session)
        raise EngineFailed("died")

    session = shop.session(1)
    shop.work = work
    shop.desk.on_offer(session, shop.claim())
    assert shop.gate.wait_free(20)
    assert [f for f in session.frames if isinstance(f, Fail)] == []
    assert shop.desk.unfinished_jobs() == []


def test_a_job_handed_back_at_shutdown_may_be_tried_elsewhere(shop: Any) -> None:
    shop.work = shop.until_cancelled
    session = shop.session(1)
    shop.desk.on_offer(session, shop.claim())
    shop.desk.held.stop(StopReason.SHUTDOWN)
    assert session.wait_frame(Fail) == Fail("job-1", "the worker is shutting down", True)


def test_progress_goes_to_the_board_and_the_studio(shop: Any) -> None:
    shop.work = shop.until_cancelled
    session = shop.session(1)
    shop.desk.on_offer(session, shop.claim())
    assert session.wait_frame(Progress) == Progress("job-1", 0.5, "half")
    job = shop.board.current.job
    assert job is not None
    assert (job.job_id, job.fraction, job.message) == ("job-1", 0.5, "half")


def test_a_finished_job_leaves_the_board(shop: Any) -> None:
    shop.desk.on_offer(shop.session(1), shop.claim())
    assert shop.uploaded.wait(20)
    assert shop.delivery.flush(20)
    shop.finish()
    assert shop.board.current.job is None
