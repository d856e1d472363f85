"""The jobs this worker did, as the local API and the page see them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from studio_worker_core.journal.records import EVERY_JOB, JobFacts, JobLog, JobQuery, Recipe
from studio_worker_core.wire.timestamps import timestamp


class JobHistory(Protocol):
    """Every method reads the disk, and raises :class:`~studio_worker_core.errors.JournalError`
    where it cannot be read. What was told before can be read."""

    def page(self, query: JobQuery = EVERY_JOB) -> list[JobFacts]:
        """The jobs that are asked for, newest first; the next page begins before the last
        ``number``."""

    def find(self, job_id: str) -> JobFacts | None:
        """The latest job of that id."""

    def counts(self) -> dict[tuple[str, str], int]:
        """How many jobs there are, by source and status."""

    def recipe(self, facts: JobFacts) -> Recipe | None:
        """Its task and model source; None where they were too long to be kept."""

    def log(self, facts: JobFacts) -> JobLog:
        """The newest lines of its log."""

    def thumbnail(self, facts: JobFacts) -> bytes | None:
        """A PNG of at most 384 pixels a side, if there is one."""

    def result(self, facts: JobFacts) -> Path | None:
        """Its result, if it is still where it was."""


def shown(facts: JobFacts) -> dict[str, Any]:
    """A job in the original worker's shape (original.md, local API), which knows no job that was
    stopped: it says failed."""
    return {
        "jobId": facts.job_id,
        "kind": facts.kind,
        "model": facts.model,
        "prompt": facts.prompt,
        "source": facts.source,
        "status": "failed" if facts.status == "stopped" else facts.status,
        "reason": facts.reason,
        "startedAt": timestamp(facts.started or facts.accepted),
        "finishedAt": None if facts.finished is None else timestamp(facts.finished),
        "hasThumbnail": facts.has_thumbnail,
    }
