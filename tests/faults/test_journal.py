"""``kill -9`` of the worker in the middle of a job, and its journal afterwards."""

from __future__ import annotations

import sqlite3

from studio_worker_core.journal.reader import JournalReader
from studio_worker_core.journal.records import JobFacts
from studio_worker_core.journal.writing import ENDED_WITH_WORKER
from tests.support.fault_field import FaultField, gone
from tests.support.waiting import eventually


def test_after_kill_9_the_journal_is_whole_and_no_job_stands_as_running(
    field: FaultField,
) -> None:
    worker = field.faulty_worker()
    path = worker.config.parent / "journal" / "jobs.sqlite3"
    reader = JournalReader(path)
    done = field.submit("ok")
    field.finishes(done)

    def found(job_id: str, status: str, **more: object) -> JobFacts | None:
        facts = reader.find(job_id)
        wanted = {"status": status, **more}
        is_so = facts and all(getattr(facts, name) == value for name, value in wanted.items())
        return facts if is_so else None

    with worker.explained():
        eventually("its delivery", lambda: found(done, "completed", delivery="delivered"))
        eventually("its picture", lambda: found(done, "completed", has_thumbnail=True))
        slow = field.submit("slow:600")
        eventually("it runs", lambda: found(slow, "running"))
        eventually("an engine process", worker.descendants)
    below = worker.descendants()
    worker.kill()
    gone(below)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    ended = JournalReader(path, has_worker=lambda: False).find(slow)
    assert ended is not None
    assert (ended.status, ended.reason) == ("failed", ENDED_WITH_WORKER)
    worker.start()
    with worker.explained():
        eventually("it is closed", lambda: found(slow, "failed", reason=ENDED_WITH_WORKER))
        field.operator.call("POST", f"/jobs/{slow}/cancel")
        after = field.submit("ok")
        field.finishes(after)
        eventually("the next one", lambda: found(after, "completed"))
    facts = reader.find(done)
    assert facts is not None
    assert facts.sha256 is not None
    assert len(facts.sha256) == 64
    assert facts.delivery == "delivered"
    assert reader.log(facts).lines
    assert (reader.thumbnail(facts) or b"").startswith(b"\x89PNG")
