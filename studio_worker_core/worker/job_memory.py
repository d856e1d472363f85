"""The jobs that run and the last ones that ended, as facts in memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec.structs import replace

from studio_worker_core.jobs.job import Job, Source
from studio_worker_core.jobs.listener import Failure, JobListener
from studio_worker_core.lanes.live import Inspection, Wanted
from studio_worker_core.local_api.daemon import JobShown
from studio_worker_core.redaction import without_secrets
from studio_worker_core.wire.tasks import full_prompt
from studio_worker_core.wire.timestamps import in_utc

MOST_ENDED = 50
"""How many jobs of each source are remembered (original.md, Local API)."""

_LONGEST_TEXT = 2_000
"""Characters of a prompt or a reason; the whole ones are the studio's and the log's."""


class JobMemory(JobListener[object]):
    """Hears of every job, and is asked from any thread.

    Each event costs the same however many jobs there were; progress the number that run.
    """

    def __init__(
        self,
        changed: Callable[[], None] = lambda: None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._changed = changed
        self._now = now
        self._lock = threading.Lock()
        self._active: dict[tuple[Source, str], JobShown] = {}
        self._ended: dict[Source, deque[JobShown]] = {
            source: deque(maxlen=MOST_ENDED) for source in Source
        }

    def active(self) -> list[JobShown]:
        """Those that run, the oldest first."""
        with self._lock:
            return list(self._active.values())

    def ended(self, source: Source) -> list[JobShown]:
        """The last ones of ``source`` that ended, the newest first."""
        with self._lock:
            return list(self._ended[source])

    def started(self, job: Job) -> None:
        """See :class:`JobListener`."""
        shown = JobShown(
            job_id=job.job_id,
            kind=job.kind.value,
            model=job.model,
            engine=job.engine,
            prompt=_cut(full_prompt(job.task)),
            source=job.source,
            status="running",
            fraction=0.0,
            started_at=self._moment(),
            has_thumbnail=False,
        )
        with self._lock:
            self._active[job.source, job.job_id] = shown
        self._changed()

    def progress(self, job: Job, fraction: float, message: str | None) -> None:
        """See :class:`JobListener`."""
        words = _cut(message) if message else None
        with self._lock:
            shown = self._active.get((job.source, job.job_id))
            if shown is not None:
                moved = replace(shown, fraction=fraction, message=words)
                self._active[job.source, job.job_id] = moved
        self._changed()

    def wants(self, job: Job) -> Wanted:
        """See :class:`JobListener`."""
        return Wanted(inspection=True)

    def inspected(self, job: Job, inspection: Inspection) -> None:
        """See :class:`JobListener`."""
        if not inspection.thumbnail:
            return
        with self._lock:
            key, ended = (job.source, job.job_id), self._ended[job.source]
            if key in self._active:
                self._active[key] = replace(self._active[key], has_thumbnail=True)
            for place, shown in enumerate(ended):
                if shown.job_id == job.job_id:
                    ended[place] = replace(shown, has_thumbnail=True)
                    break
        self._changed()

    def finished(self, job: Job, result: object) -> None:
        """See :class:`JobListener`."""
        self._end(job, None)

    def failed(self, job: Job, failure: Failure) -> None:
        """See :class:`JobListener`."""
        self._end(job, _cut(failure.message))

    def _end(self, job: Job, reason: str | None) -> None:
        with self._lock:
            shown = self._active.pop((job.source, job.job_id), None)
            if shown is None:
                return
            ended = replace(
                shown,
                status="completed" if reason is None else "failed",
                reason=reason,
                finished_at=self._moment(),
                fraction=1.0 if reason is None else shown.fraction,
                message=None,
            )
            self._ended[job.source].appendleft(ended)
        self._changed()

    def _moment(self) -> str:
        return in_utc(self._now())


def _cut(text: str) -> str:
    clean = without_secrets(text[: 2 * _LONGEST_TEXT])
    return clean if len(clean) <= _LONGEST_TEXT else f"{clean[:_LONGEST_TEXT]}…"
