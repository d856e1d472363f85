"""A journal that is damaged, foreign or absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from studio_worker_core.errors import JournalError
from studio_worker_core.journal import writer
from studio_worker_core.journal.database import SCHEMA_VERSION
from studio_worker_core.journal.reader import JournalReader
from studio_worker_core.wire.tasks import ImageTask
from tests.journal.conftest import EVERY, WAIT, JournalledWorker, entry_of, warnings


@pytest.mark.parametrize("damage", ["nonsense", "zeros", "torn", "of another program"])
def test_a_damaged_file_is_set_aside_and_a_new_one_is_begun(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    worker = JournalledWorker(tmp_path)
    worker.journal.start()
    for number in range(50):
        worker.done(f"old-{number}", ImageTask(prompt="p" * 2000))
    assert worker.journal.close(WAIT)
    data = worker.path.read_bytes()
    harm = {
        "nonsense": b"nonsense" * 4096,
        "zeros": data[:100] + bytes(len(data) - 100),
        "torn": data[:5000],
        "of another program": b"SQLite format 3\0" + b"\xff" * 5000,
    }
    worker.path.write_bytes(harm[damage])
    worker.journal = worker.new_journal()
    worker.journal.start()
    worker.done("new")
    assert [facts.job_id for facts in worker.reader.page(EVERY)] == ["new"]
    assert worker.journal.close(WAIT)
    (aside,) = worker.path.parent.glob("jobs.sqlite3.corrupt-*")
    assert aside.read_bytes() == harm[damage]
    assert any("set aside" in line for line in warnings(caplog))


def test_a_file_that_is_damaged_while_it_is_written_is_set_aside(
    worker: JournalledWorker, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(50):
        worker.done(f"old-{number}", ImageTask(prompt="p" * 2000))
    assert worker.journal.settle(WAIT)
    other = worker.other()
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    with worker.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (os.fstat(file.fileno()).st_size - 4096))
    for number in range(50):
        worker.done(f"new-{number}")
        worker.journal.settle(WAIT)
    assert worker.facts("new-49").status == "completed"
    assert list(worker.path.parent.glob("jobs.sqlite3.corrupt-*"))


def test_a_file_of_a_newer_version_is_set_aside_and_not_read(
    worker: JournalledWorker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.done("old")
    assert worker.journal.close(WAIT)
    other = worker.other()
    other.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    other.close()
    with pytest.raises(JournalError, match="newer studio-worker"):
        worker.reader.page()
    worker.restart()
    worker.done("new")
    assert [facts.job_id for facts in worker.reader.page()] == ["new"]
    assert list(worker.path.parent.glob("jobs.sqlite3.newer-*"))


def test_nothing_that_is_no_plain_file_is_written_to(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    worker = JournalledWorker(tmp_path)
    worker.path.parent.mkdir()
    (tmp_path / "elsewhere").write_text("mine")
    worker.path.symlink_to(tmp_path / "elsewhere")
    worker.journal.start()
    worker.done("job-1")
    assert worker.journal.close(WAIT)
    assert (tmp_path / "elsewhere").read_text() == "mine"
    assert any("cannot be written" in line for line in warnings(caplog))


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


@pytest.mark.parametrize("facts", [b"{}", b"no JSON", b"\xff\xfe", "text", 7])
def test_a_job_that_is_not_understood_is_left_out_and_the_worker_goes_on(
    worker: JournalledWorker, facts: object
) -> None:
    worker.begun("odd")
    worker.done("good")
    assert worker.journal.settle(WAIT)
    other = worker.other()
    other.execute("UPDATE jobs SET facts = ? WHERE id = 'odd'", (facts,))
    other.close()
    worker.restart()
    worker.journal.delivered(entry_of(worker.root, "odd"), "delivered", None)
    worker.done("after")
    assert [each.job_id for each in worker.reader.page()] == ["after", "good"]
    assert worker.reader.counts()["studio", "failed"] == 1


def test_a_text_that_no_encoding_takes_costs_its_entry_alone(
    worker: JournalledWorker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_PAUSE_SECONDS", 0.01)
    worker.done("\udcff")
    assert worker.journal.settle(WAIT)
    worker.done("after")
    assert worker.facts("after").status == "completed"
    assert any("cannot be written" in line for line in warnings(caplog))
