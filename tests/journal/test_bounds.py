"""How much a journal keeps, and in which order."""

from __future__ import annotations

import os

from studio_worker_core.config import JournalLimits
from studio_worker_core.jobs.listener import Failure
from studio_worker_core.lanes.live import Inspection
from tests.journal.conftest import EVERY, LOG, WAIT, JournalledWorker
from tests.support.waiting import eventually


def test_the_oldest_jobs_go_first_and_those_that_run_stay(worker: JournalledWorker) -> None:
    worker.limits = JournalLimits(max_jobs=10)
    worker.begun("running")
    for number in range(50):
        worker.done(f"job-{number}")
        LOG.warning("a line", extra={"job_id": f"job-{number}"})
    found = [facts.job_id for facts in worker.reader.page(EVERY)]
    assert found == [*(f"job-{number}" for number in range(49, 40, -1)), "running"]
    worker.limits = JournalLimits(max_jobs=0)
    worker.done("last")
    assert [facts.job_id for facts in worker.reader.page(EVERY)] == ["running"]
    other = worker.other()
    for table in ("lines", "thumbnails"):
        assert other.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    other.close()


def test_the_file_stays_within_its_bound(worker: JournalledWorker) -> None:
    worker.limits = JournalLimits(max_mb=1.0)
    picture = os.urandom(100_000)
    for number in range(60):
        job = worker.begun(f"job-{number}")
        worker.journal.inspected(job, Inspection(thumbnail=picture))
        worker.journal.failed(job, Failure("no", False))
        assert worker.journal.settle(WAIT)
    found = worker.reader.page(EVERY)
    assert found[0].job_id == "job-59"
    assert 3 <= len(found) <= 11
    assert worker.journal.close(WAIT)
    assert worker.path.stat().st_size < 3_000_000
    worker.limits = JournalLimits(max_mb=0.2)
    worker.restart()
    worker.done("last")
    assert worker.journal.close(WAIT)
    assert worker.path.stat().st_size < 1_500_000


def test_numbers_rise_also_when_the_clock_is_set_back(worker: JournalledWorker) -> None:
    worker.done("first")
    worker.now -= 10_000
    worker.done("second")
    assert worker.journal.settle(WAIT)
    worker.restart()
    assert worker.journal.settle(WAIT)
    eventually("it is open", lambda: worker.journal._last)
    worker.done("third")
    assert [facts.job_id for facts in worker.reader.page()] == ["third", "second", "first"]
