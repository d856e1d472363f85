"""How each job's end is told, once."""

from __future__ import annotations

from typing import Any

import pytest

from studio_worker_core.errors import EngineFailed, InvalidTask, JobError
from studio_worker_core.jobs.job import Job, StopReason
from studio_worker_core.wire.frames import Fail, Progress
from tests.worker.conftest import Shop


def fails_with(error: Exception) -> Any:
    def work(_job: Job) -> None:
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
def test_a_failure_is_told_once_with_its_cause(shop: Shop, error: Exception, told: Fail) -> None:
    shop.work = fails_with(error)
    session = shop.session(1)
    shop.studio.on_offer(session, shop.claim())
    assert session.wait_frame(Fail) == told
    assert shop.slots.jobs() == [], "the slot is free before the studio learns of the end"
    shop.work = lambda job: None
    shop.studio.on_offer(session, shop.claim("job-2"))
    assert shop.uploaded.wait(60)
    assert [type(frame) for frame in session.frames].count(Fail) == 1


def test_a_failure_with_nobody_to_tell_is_counted_and_forgotten(shop: Shop) -> None:
    def work(job: Job) -> None:
        shop.studio.on_closed(session)
        raise EngineFailed("died")

    session = shop.session(1)
    shop.work = work
    shop.studio.on_offer(session, shop.claim())
    shop.finish()
    assert shop.slots.jobs() == []
    assert [f for f in session.frames if isinstance(f, Fail)] == []
    assert shop.studio.unfinished_jobs() == []


def test_a_job_handed_back_at_shutdown_may_be_tried_elsewhere(shop: Shop) -> None:
    shop.work = shop.until_cancelled
    session = shop.session(1)
    shop.studio.on_offer(session, shop.claim())
    shop.job.stop(StopReason.SHUTDOWN)
    assert session.wait_frame(Fail) == Fail("job-1", "the worker is shutting down", True)
    shop.finish()
    assert shop.board.current.failed == 0, "handed back is no failure"


def test_progress_goes_to_the_board_and_the_studio(shop: Shop) -> None:
    shop.work = shop.until_cancelled
    session = shop.session(1)
    shop.studio.on_offer(session, shop.claim())
    assert session.wait_frame(Progress) == Progress("job-1", 0.5, "half")
    (job,) = shop.board.current.jobs
    assert (job.job_id, job.fraction, job.message) == ("job-1", 0.5, "half")


def test_a_finished_job_leaves_the_board(shop: Shop) -> None:
    shop.studio.on_offer(shop.session(1), shop.claim())
    assert shop.uploaded.wait(60)
    assert shop.delivery.flush(60)
    shop.finish()
    assert shop.board.current.jobs == ()
