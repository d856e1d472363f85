"""The one owner of the jobs that run: whoever wants one done submits it here."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, Literal, TypeVar

from msgspec import Struct

from studio_worker_core.errors import JobError
from studio_worker_core.jobs.job import Job
from studio_worker_core.jobs.keeping import Keeper, TellingKeeper
from studio_worker_core.jobs.listener import Failure, JobListener
from studio_worker_core.jobs.runner import JobRunner
from studio_worker_core.jobs.slots import Permit, Slots
from studio_worker_core.lanes.live import Inspection, LiveOutput, Preview
from studio_worker_core.lanes.request import OnProgress
from studio_worker_core.lanes.results import Result
from studio_worker_core.plugin import JobEvent

_log = logging.getLogger("studio_worker.jobs")

_PROGRESS_LOG_SECONDS = 5.0
"""A long job's progress goes to the log that often; the status line shows all of it."""

KeptT = TypeVar("KeptT")


class _Submitted(Struct, frozen=True):
    permit: Permit
    keeper: Keeper[Any]
    listener: JobListener[Any]

    @property
    def job(self) -> Job:
        return self.permit.job


class JobService:
    """Does what is submitted; :meth:`run` is the body of a thread, one for each slot. Jobs that
    run beside those of the slots get threads of their own, as many as there are at a time.

    :param prepare: called before the work on a job begins; what it raises fails the job.
    :param around: entered before that, and left when the work has ended.
    :param notify: tells the plugins' job observers.
    :param recorders: hear of every job before that listener: what it tells others is written
        down. Of progress they are not told.
    :param watchers: hear of every job, in order, after the listener it was submitted with.
    :param start: starts one more thread with that body.
    """

    def __init__(
        self,
        runner: JobRunner,
        slots: Slots,
        *,
        prepare: Callable[[Job], None] = lambda _job: None,
        around: Callable[[Job], AbstractContextManager[None]] = lambda _job: nullcontext(),
        notify: Callable[[JobEvent], None] = lambda _event: None,
        recorders: Sequence[JobListener[object]] = (),
        watchers: Sequence[JobListener[object]] = (),
        start: Callable[[Callable[[], None]], None] = lambda _body: None,
    ) -> None:
        self._runner = runner
        self._prepare = prepare
        self._around = around
        self._notify = notify
        self._recorders = tuple(recorders)
        self._watchers = tuple(watchers)
        self._start = start
        self._counting = threading.Lock()
        self._threads = len(slots)
        self._unfinished = 0
        self._queue: queue.SimpleQueue[_Submitted | None] = queue.SimpleQueue()

    def submit(self, permit: Permit, keeper: Keeper[KeptT], listener: JobListener[KeptT]) -> None:
        """Have the permit's job done. The permit is the service's from now on."""
        submitted = _Submitted(permit, keeper, listener)
        self._tell(permit.job, "accepted")
        for hearer in self._hearers(submitted):
            hearer.accepted(permit.job)
        with self._counting:
            self._unfinished += 1
            is_one_more = self._unfinished > self._threads
            if is_one_more:
                self._threads += 1
        if is_one_more:
            self._start(self.run)
        self._queue.put(submitted)

    def finish(self) -> None:
        """End every :meth:`run` after the jobs submitted so far."""
        with self._counting:
            threads = self._threads
        for _ in range(threads):
            self._queue.put(None)

    def run(self) -> None:
        """Do submitted jobs, one after another, until :meth:`finish`."""
        while (submitted := self._queue.get()) is not None:
            self._do(submitted)

    def _do(self, submitted: _Submitted) -> None:
        job, hearers = submitted.job, self._hearers(submitted)
        for hearer in hearers:
            hearer.started(job)
        self._tell(job, "started")
        try:
            # Given back before the end is told: the answer to a result may be the next job.
            with submitted.permit, self._counted():
                result = self._result(submitted)
        except JobError as error:
            failure = Failure.of(job, error)
            level = logging.INFO if failure.stopped is not None else logging.WARNING
            extra = {"job_id": job.job_id}
            _log.log(level, "job %s failed: %s", job.job_id, failure.message, extra=extra)
            for hearer in hearers:
                hearer.failed(job, failure)
            self._tell(job, "failed", failure.message)
        else:
            self._tell(job, "finished")
            for hearer in hearers:
                hearer.finished(job, result)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """A job until it has ended: how many there are says how many threads it takes."""
        try:
            yield
        finally:
            with self._counting:
                self._unfinished -= 1

    def _hearers(self, submitted: _Submitted) -> tuple[JobListener[Any], ...]:
        return (*self._recorders, submitted.listener, *self._watchers)

    def _result(self, submitted: _Submitted) -> Any:
        job = submitted.job
        try:
            slot, live = submitted.permit.slot, self._live(submitted)
            keeper = TellingKeeper(submitted.keeper, partial(self._made, submitted))
            with self._around(job):
                self._prepare(job)
                return self._runner.run(job, keeper, self._reporting(submitted), slot, live)
        except JobError:
            raise
        except Exception as error:
            # Whatever our own code got wrong, a job is answered: somebody waits for it.
            _log.exception("job %s: internal error", job.job_id, extra={"job_id": job.job_id})
            raise JobError(f"internal error of the worker: {error}") from error

    def _made(self, submitted: _Submitted, result: Result) -> None:
        for hearer in self._hearers(submitted):
            hearer.made(submitted.job, result)

    def _reporting(self, submitted: _Submitted) -> OnProgress:
        job, hearers = submitted.job, self._hearers(submitted)
        logged = time.monotonic()

        def report(fraction: float, message: str | None) -> None:
            nonlocal logged
            for hearer in hearers:
                hearer.progress(job, fraction, message)
            now = time.monotonic()
            if now - logged >= _PROGRESS_LOG_SECONDS:
                logged = now
                words = f" ({message})" if message else ""
                extra = {"job_id": job.job_id}
                _log.info("job %s: %.0f %%%s", job.job_id, 100 * fraction, words, extra=extra)

        return report

    def _live(self, submitted: _Submitted) -> LiveOutput:
        """To whoever wants it: output that nobody does is not even sent by the engine."""
        job, hearers = submitted.job, self._hearers(submitted)
        wanted = [hearer.wants(job) for hearer in hearers]
        readers = [hearer for hearer, each in zip(hearers, wanted, strict=True) if each.text]
        viewers = [hearer for hearer, each in zip(hearers, wanted, strict=True) if each.previews]
        curious = [hearer for hearer, each in zip(hearers, wanted, strict=True) if each.inspection]

        def text(piece: str) -> None:
            for reader in readers:
                reader.output(job, piece)

        def preview(picture: Preview) -> None:
            for viewer in viewers:
                viewer.preview(job, picture)

        def inspection(found: Inspection) -> None:
            for hearer in curious:
                hearer.inspected(job, found)

        return LiveOutput(
            text if readers else None,
            preview if viewers else None,
            inspection if curious else None,
        )

    def _tell(
        self,
        job: Job,
        what: Literal["accepted", "started", "finished", "failed"],
        error: str | None = None,
    ) -> None:
        self._notify(
            JobEvent(
                what=what,
                job_id=job.job_id,
                engine=job.engine,
                model=job.model,
                kind=job.kind,
                seconds=time.monotonic() - job.since,
                error=error,
            )
        )
