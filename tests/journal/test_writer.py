"""A disk that is slow, full, gone or damaged costs entries of the journal, and never a job."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio_worker_core.config import JournalLimits
from studio_worker_core.errors import JournalError
from studio_worker_core.jobs.listener import Failure
from studio_worker_core.journal import writer
from studio_worker_core.journal.database import SCHEMA_VERSION
from studio_worker_core.journal.reader import JournalReader
from studio_worker_core.journal.records import JobQuery
from studio_worker_core.journal.writing import ENDED_WITH_WORKER
from studio_worker_core.lanes.live import Inspection
from studio_worker_core.wire.tasks import ImageTask
from tests.journal.conftest import PNG, WAIT, Desk
from tests.support.small_disk import SmallDisk
from tests.support.waiting import eventually

LOG = logging.getLogger("studio_worker.jobs")
EVERY = JobQuery(limit=1000)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "studio_worker.journal" and record.levelno >= logging.WARNING
    ]


def is_whole(path: Path) -> bool:
    with sqlite3.connect(path) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    return bool(found == ("ok",))


def test_a_file_that_somebody_holds_delays_no_job(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "MOST_WAITING", 50)
    desk.done("before")
    desk.journal.settle(WAIT)
    other = desk.other()
    other.execute("BEGIN IMMEDIATE")
    for number in range(100):  # the disk takes none of it, and each call comes back
        desk.done(f"job-{number}")
    other.execute("ROLLBACK")
    other.close()
    desk.journal.settle(WAIT)
    desk.done("after")
    assert desk.facts("after").status == "completed"
    found = {facts.job_id for facts in desk.reader.page(EVERY)}
    assert {"before", "after"} < found
    assert len(found) < 102
    said = eventually("the loss is told", lambda: warnings(caplog))
    assert "entries are lost" in said[-1]
    assert len(said) <= 2


def test_a_disk_that_cannot_be_written_is_told_once_and_used_again_when_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_PAUSE_SECONDS", 0.01)
    desk = Desk(tmp_path)
    desk.path.parent.write_text("a file where the directory should be")
    desk.journal.start()
    for number in range(5):
        desk.done(f"job-{number}")
        assert desk.journal.settle(WAIT)
    assert len(warnings(caplog)) == 1
    assert "jobs go on without it" in warnings(caplog)[0]
    desk.path.parent.unlink()
    desk.done("after")
    assert [facts.job_id for facts in desk.reader.page()] == ["after"]
    assert desk.journal.close(WAIT)
    assert len(warnings(caplog)) == 2
    assert "the job journal is written again" in warnings(caplog)[1]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallDisk]:
    if sys.platform != "linux":
        pytest.skip("a small disk is mounted as tmpfs, which is Linux")
    disk = SmallDisk(tmp_path / "small")
    if not disk.mount(1024):
        pytest.skip("this account may not mount a tmpfs")
    yield disk
    disk.unmount()


def test_a_full_disk_costs_entries_and_leaves_the_file_whole(
    small: SmallDisk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_PAUSE_SECONDS", 0.01)
    desk = Desk(small.path)
    desk.journal.start()
    desk.done("before")
    assert desk.journal.settle(WAIT)
    ballast = small.fill()
    for number in range(20):
        job = desk.begun(f"job-{number}", ImageTask(prompt="p" * 3000))
        desk.journal.inspected(job, Inspection(thumbnail=os.urandom(50_000)))
        desk.journal.failed(job, Failure("no room", True))
        assert desk.journal.settle(WAIT)
    assert any("cannot be written" in line for line in warnings(caplog))
    ballast.unlink()
    desk.done("after")
    assert desk.facts("after").status == "completed"
    assert desk.facts("before").status == "completed"
    assert desk.journal.close(WAIT)
    assert is_whole(desk.path)


@pytest.mark.parametrize("damage", ["nonsense", "zeros", "torn", "of another program"])
def test_a_damaged_file_is_set_aside_and_a_new_one_is_begun(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(tmp_path)
    desk.journal.start()
    for number in range(50):
        desk.done(f"old-{number}", ImageTask(prompt="p" * 2000))
    assert desk.journal.close(WAIT)
    data = desk.path.read_bytes()
    harm = {
        "nonsense": b"nonsense" * 4096,
        "zeros": data[:100] + bytes(len(data) - 100),
        "torn": data[:5000],
        "of another program": b"SQLite format 3\0" + b"\xff" * 5000,
    }
    desk.path.write_bytes(harm[damage])
    desk.journal = desk.new_journal()
    desk.journal.start()
    desk.done("new")
    assert [facts.job_id for facts in desk.reader.page(EVERY)] == ["new"]
    assert desk.journal.close(WAIT)
    (aside,) = desk.path.parent.glob("jobs.sqlite3.corrupt-*")
    assert aside.read_bytes() == harm[damage]
    assert any("set aside" in line for line in warnings(caplog))


def test_a_file_that_is_damaged_while_it_is_written_is_set_aside(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(50):
        desk.done(f"old-{number}", ImageTask(prompt="p" * 2000))
    assert desk.journal.settle(WAIT)
    other = desk.other()
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    with desk.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (os.fstat(file.fileno()).st_size - 4096))
    for number in range(50):
        desk.done(f"new-{number}")
        desk.journal.settle(WAIT)
    assert desk.facts("new-49").status == "completed"
    assert list(desk.path.parent.glob("jobs.sqlite3.corrupt-*"))


def test_a_file_of_a_newer_version_is_set_aside_and_not_read(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.done("old")
    assert desk.journal.close(WAIT)
    other = desk.other()
    other.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    other.close()
    with pytest.raises(JournalError, match="newer studio-worker"):
        desk.reader.page()
    desk.restart()
    desk.done("new")
    assert [facts.job_id for facts in desk.reader.page()] == ["new"]
    assert list(desk.path.parent.glob("jobs.sqlite3.newer-*"))


def test_nothing_that_is_no_plain_file_is_written_to(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(tmp_path)
    desk.path.parent.mkdir()
    (tmp_path / "elsewhere").write_text("mine")
    desk.path.symlink_to(tmp_path / "elsewhere")
    desk.journal.start()
    desk.done("job-1")
    assert desk.journal.close(WAIT)
    assert (tmp_path / "elsewhere").read_text() == "mine"
    assert any("cannot be written" in line for line in warnings(caplog))


def test_jobs_that_ran_when_an_earlier_worker_ended_are_shown_as_failed(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "studio_worker")
    desk.begun("job-1")
    desk.done("job-2")
    desk.now += 5
    with_line = desk.begun("job-3")
    LOG.info("half of it", extra={"job_id": with_line.job_id})
    assert desk.journal.settle(WAIT)
    without_worker = JournalReader(desk.path, has_worker=lambda: False)
    found = {facts.job_id: facts for facts in without_worker.page()}
    assert [found[f"job-{n}"].status for n in (1, 2, 3)] == ["failed", "completed", "failed"]
    assert desk.facts("job-1").status == "running", "its worker is there"
    desk.restart()
    desk.begun("job-4")
    assert desk.facts("job-4").status == "running"
    for job_id in ("job-1", "job-3"):
        facts = desk.facts(job_id)
        assert (facts.status, facts.reason) == ("failed", ENDED_WITH_WORKER)
        assert facts.finished is not None
        assert facts.started is not None
        assert facts.finished >= facts.started
    assert desk.facts("job-2").status == "completed"


def test_the_oldest_jobs_go_first_and_those_that_run_stay(desk: Desk) -> None:
    desk.limits = JournalLimits(max_jobs=10)
    desk.begun("running")
    for number in range(50):
        desk.done(f"job-{number}")
        LOG.warning("a line", extra={"job_id": f"job-{number}"})
    found = [facts.job_id for facts in desk.reader.page(EVERY)]
    assert found == [*(f"job-{number}" for number in range(49, 40, -1)), "running"]
    desk.limits = JournalLimits(max_jobs=0)
    desk.done("last")
    assert [facts.job_id for facts in desk.reader.page(EVERY)] == ["running"]
    other = desk.other()
    for table in ("lines", "thumbnails"):
        assert other.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    other.close()


def test_the_file_stays_within_its_bound(desk: Desk) -> None:
    desk.limits = JournalLimits(max_mb=1.0)
    picture = os.urandom(100_000)
    for number in range(60):
        job = desk.begun(f"job-{number}")
        desk.journal.inspected(job, Inspection(thumbnail=picture))
        desk.journal.failed(job, Failure("no", False))
        assert desk.journal.settle(WAIT)
    found = desk.reader.page(EVERY)
    assert found[0].job_id == "job-59"
    assert 3 <= len(found) <= 11
    assert desk.journal.close(WAIT)
    assert desk.path.stat().st_size < 3_000_000
    desk.limits = JournalLimits(max_mb=0.2)
    desk.restart()
    desk.done("last")
    assert desk.journal.close(WAIT)
    assert desk.path.stat().st_size < 1_500_000


def test_numbers_rise_also_when_the_clock_is_set_back(desk: Desk) -> None:
    desk.done("first")
    desk.now -= 10_000
    desk.done("second")
    assert desk.journal.settle(WAIT)
    desk.restart()
    assert desk.journal.settle(WAIT)
    eventually("it is open", lambda: desk.journal._last)
    desk.done("third")
    assert [facts.job_id for facts in desk.reader.page()] == ["third", "second", "first"]


def test_many_threads_are_heard_at_once(desk: Desk) -> None:
    def work(name: int) -> None:
        for number in range(20):
            job = desk.begun(f"job-{name}-{number}")
            LOG.warning("a line", extra={"job_id": job.job_id})
            desk.journal.inspected(job, Inspection(thumbnail=PNG))
            desk.journal.failed(job, Failure("no", False))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        desk.reader.page()
    for thread in threads:
        thread.join(WAIT)
    found = desk.reader.page(EVERY)
    assert len(found) == len({facts.number for facts in found}) == 120
    assert {facts.status for facts in found} == {"failed"}
    assert {facts.lines for facts in found} == {1}


def test_a_journal_that_is_not_there_is_empty_and_one_that_cannot_be_read_is_said(
    tmp_path: Path,
) -> None:
    reader = JournalReader(tmp_path / "jobs.sqlite3")
    assert reader.page() == []
    assert reader.find("job-1") is None
    assert reader.counts() == {}
    (tmp_path / "jobs.sqlite3").write_text("no database at all, and longer than a header " * 40)
    with pytest.raises(JournalError, match=r"jobs\.sqlite3 cannot be read"):
        reader.page()


def test_the_end_does_not_wait_for_a_disk_longer_than_it_is_told_to(desk: Desk) -> None:
    desk.done("before")
    desk.journal.settle(WAIT)
    other = desk.other()
    other.execute("BEGIN IMMEDIATE")
    desk.done("after")
    began = time.monotonic()
    assert not desk.journal.close(0.01)
    assert time.monotonic() - began < WAIT
    other.execute("ROLLBACK")
    other.close()
