"""The job thread: runs accepted claims one at a time and tells how each ended."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable

from studio_worker_core.delivery import Delivery
from studio_worker_core.engines.roster import Roster
from studio_worker_core.errors import JobCancelled, JobError
from studio_worker_core.jobs import JobRunner
from studio_worker_core.outbox import Entry
from studio_worker_core.plugin import JobEvent
from studio_worker_core.wire.frames import Claim, Fail, Progress
from studio_worker_core.wire.tasks import task_kind
from studio_worker_core.worker.desk import Desk
from studio_worker_core.worker.held import HeldJob, StopReason
from studio_worker_core.worker.status import JobStatus, StatusBoard

__all__ = ["JobLoop"]

log = logging.getLogger("studio_worker.worker")

_PROGRESS_LOG_SECONDS = 5.0
"""A long job's progress goes to the log that often; the status line shows all of it."""


class JobLoop:
    """Takes held jobs from a queue and does them; :meth:`run` is the job thread's body."""

    def __init__(
        self,
        runner: JobRunner,
        delivery: Delivery,
        roster: Roster,
        board: StatusBoard,
        *,
        worker_id: Callable[[], str],
        prepare: Callable[[Claim], None],
    ) -> None:
        self._runner = runner
        self._delivery = delivery
        self._roster = roster
        self._board = board
        self._worker_id = worker_id
        self._prepare = prepare
        self._queue: queue.SimpleQueue[HeldJob | None] = queue.SimpleQueue()
        self._desk: Desk | None = None
        self._logged = 0.0

    def serve(self, desk: Desk) -> None:
        """Say which desk the jobs come from; before :meth:`run`."""
        self._desk = desk

    def start(self, held: HeldJob) -> None:
        """Queue an accepted job."""
        self._tell(held, "accepted")
        self._queue.put(held)

    def finish(self) -> None:
        """End :meth:`run` after the jobs queued so far."""
        self._queue.put(None)

    def run(self) -> None:
        """Do the queued jobs until :meth:`finish`."""
        while (held := self._queue.get()) is not None:
            self._do(held)

    def _do(self, held: HeldJob) -> None:
        claim = held.claim
        self._board.post(
            job=JobStatus(
                job_id=claim.job_id,
                kind=task_kind(claim.task),
                engine=claim.model_source.engine,
                model=claim.model,
                started=held.accepted,
            )
        )
        self._tell(held, "started")
        self._logged = time.monotonic()
        try:
            self._prepare(claim)
            entry = self._runner.run(
                claim,
                worker_id=self._worker_id(),
                session_number=held.session_number,
                cancel=held.cancel,
                report=lambda fraction, message: self._progress(held, fraction, message),
            )
        except JobError as error:
            self._failed(held, error)
        except Exception as error:
            # Whatever our own code got wrong, a held job is answered: the studio waits for it.
            log.exception("job %s: internal error", held.job_id, extra={"job_id": held.job_id})
            self._failed(held, JobError(f"internal error of the worker: {error}"))
        else:
            self._finished(held, entry)
        finally:
            self._board.post(job=None, undelivered=len(self._delivery.pending_ids()))

    def _progress(self, held: HeldJob, fraction: float, message: str | None) -> None:
        self._board.job_progress(fraction, message)
        now = time.monotonic()
        if now - self._logged >= _PROGRESS_LOG_SECONDS:
            self._logged = now
            log.info(
                "job %s: %.0f %%%s",
                *(held.job_id, 100 * fraction, f" ({message})" if message else ""),
                extra={"job_id": held.job_id},
            )
        session = self._require_desk().session_for(held)
        if session is not None:
            session.send(Progress(held.job_id, min(max(fraction, 0.0), 1.0), message))

    def _finished(self, held: HeldJob, entry: Entry) -> None:
        seconds = time.monotonic() - held.accepted
        log.info(
            "finished job %s in %.2f s: %s, %d bytes",
            *(held.job_id, seconds, entry.manifest.ext, entry.manifest.bytes),
            extra={"job_id": held.job_id},
        )
        self._tell(held, "finished")
        desk = self._require_desk()
        desk.open_gate(held)
        self._delivery.submit(entry)
        # Only now: a reconnect in between still finds the job among the unfinished ones.
        desk.let_go(held)

    def _failed(self, held: HeldJob, error: JobError) -> None:
        desk = self._require_desk()
        session = desk.session_for(held)
        reason = held.stop_reason if isinstance(error, JobCancelled) else None
        message, retryable = str(error), error.retryable
        if reason is not None:
            message, retryable = reason.value, reason is not StopReason.STUDIO
        level = logging.INFO if reason is not None else logging.WARNING
        log.log(level, "job %s failed: %s", held.job_id, message, extra={"job_id": held.job_id})
        desk.let_go(held)
        if session is not None and reason is not StopReason.TAKEN_BACK:
            session.send(Fail(held.job_id, message, retryable))
        self._board.count("failed")
        self._tell(held, "failed", message)

    def _tell(self, held: HeldJob, what: str, error: str | None = None) -> None:
        claim = held.claim
        self._roster.notify(
            JobEvent(
                what=what,  # type: ignore[arg-type]
                job_id=claim.job_id,
                engine=claim.model_source.engine,
                model=claim.model,
                kind=task_kind(claim.task),
                seconds=time.monotonic() - held.accepted,
                error=error,
            )
        )

    def _require_desk(self) -> Desk:
        assert self._desk is not None, "serve() comes before run()"
        return self._desk
