"""A journal on a real file, and jobs that it hears of."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from studio_worker_core.config import JournalLimits
from studio_worker_core.jobs.job import Job, Source
from studio_worker_core.jobs.listener import Failure
from studio_worker_core.journal.journal import Journal
from studio_worker_core.journal.reader import JournalReader
from studio_worker_core.journal.records import JobFacts, JobQuery
from studio_worker_core.lanes.live import Inspection
from studio_worker_core.lanes.results import Result
from studio_worker_core.outbox import Entry
from studio_worker_core.outbox.manifest import Manifest
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask, Task, TaskKind

WAIT = 60.0
PNG = b"\x89PNG\r\n\x1a\npixels"
LOG = logging.getLogger("studio_worker.jobs")
EVERY = JobQuery(limit=1000)


class JournalledWorker:
    """One run of a worker as its journal sees it; :meth:`restart` is the next one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / "journal" / "jobs.sqlite3"
        self.limits = JournalLimits()
        self.now = 1_800_000_000.0
        self.journal = self.new_journal()
        self.reader = JournalReader(self.path, settle=lambda: self.journal.settle(WAIT))

    def new_journal(self) -> Journal:
        return Journal(self.path, lambda: self.limits, now=lambda: self.now)

    def restart(self) -> None:
        assert self.journal.close(WAIT)
        self.now += 1
        self.journal = self.new_journal()
        self.journal.start()

    def job(self, job_id: str = "job-1", task: Task | None = None, **more: Any) -> Job:
        source = more.pop("model_source", ModelSource(engine="toy"))
        return Job(
            job_id,
            more.pop("source", Source.STUDIO),
            model="m",
            task=task or ImageTask(prompt="a fox", seed=5),
            model_source=source,
            **more,
        )

    def begun(self, job_id: str = "job-1", task: Task | None = None, **more: Any) -> Job:
        job = self.job(job_id, task, **more)
        self.journal.accepted(job)
        self.journal.started(job)
        return job

    def done(self, job_id: str = "job-1", task: Task | None = None, **more: Any) -> Job:
        job = self.begun(job_id, task, **more)
        path = self.root / "result.png"
        path.write_bytes(PNG)
        result = Result(path, GenerationMeta(engine_version="1.2", seed=7, seconds=0.5), 1 << 25)
        self.journal.made(job, result)
        self.journal.inspected(job, Inspection("ab" * 32, PNG, {"init_image": "cd" * 32}))
        self.journal.finished(job, result)
        return job

    def failed(self, job_id: str, failure: Failure) -> None:
        self.journal.failed(self.begun(job_id), failure)

    def facts(self, job_id: str = "job-1") -> JobFacts:
        facts = self.reader.find(job_id)
        assert facts is not None
        return facts

    def other(self) -> sqlite3.Connection:
        """Another program that has the file open."""
        return sqlite3.connect(self.path, isolation_level=None)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[JournalledWorker]:
    worker = JournalledWorker(tmp_path)
    worker.journal.start()
    yield worker
    assert worker.journal.close(WAIT)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "studio_worker.journal" and record.levelno >= logging.WARNING
    ]


def entry_of(root: Path, job_id: str) -> Entry:
    manifest = Manifest(
        job=job_id,
        worker="worker-1",
        session=None,
        boot="b",
        kind=TaskKind.IMAGE,
        model="m",
        engine="toy",
        prompt="a fox",
        ext="png",
        mime="image/png",
        bytes=10,
        sha256="ef" * 32,
        created=datetime.now(UTC),
    )
    return Entry(root / "refused" / job_id, manifest)
