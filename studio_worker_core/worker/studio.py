"""The studio as a source of jobs: its frames are answered, its jobs submitted and told of."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from studio_worker_core.delivery import Delivery
from studio_worker_core.jobs.job import Job, Source, StopReason
from studio_worker_core.jobs.keeping import Keeper
from studio_worker_core.jobs.leases import Lease, Leases, Resumed, TakenBack
from studio_worker_core.jobs.listener import Failure, JobListener
from studio_worker_core.jobs.service import JobService
from studio_worker_core.jobs.slots import Slots
from studio_worker_core.outbox import Entry
from studio_worker_core.session import HandlerFrame, Outlet
from studio_worker_core.session.log_shipping import LogShipper
from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.frames import (
    Accept,
    Cancel,
    Claim,
    CompleteAck,
    Fail,
    FailAck,
    LogEntry,
    Offer,
    Progress,
    Reject,
    Welcome,
)

log = logging.getLogger("studio_worker.worker")

_CODES = {StopReason.CANCELLED: "cancelled", StopReason.SHUTDOWN: "shutdown"}
"""The words for it in ``fail.code`` (protocol §3.1)."""


class Admission(Protocol):
    """Whether a job's memory estimate fits this machine now."""

    def __call__(self, job: Job) -> str | None:
        """The reason to turn it down, or None."""


class Studio:
    """The worker's :class:`~studio_worker_core.session.SessionHandler`.

    The studio's frames are answered on the session's thread; what is accepted goes to ``jobs``.

    :param keeper: where the result of the job under a lease is kept.
    """

    def __init__(
        self,
        *,
        capabilities: Callable[[], Capabilities],
        not_taking: Callable[[], str | None],
        admission: Admission,
        slots: Slots,
        leases: Leases[Outlet],
        jobs: JobService,
        keeper: Callable[[Callable[[], Lease | None]], Keeper[Entry]],
        delivery: Delivery,
        logs: LogShipper,
    ) -> None:
        self._capabilities = capabilities
        self._not_taking = not_taking
        self._admission = admission
        self._slots = slots
        self._leases = leases
        self._jobs = jobs
        self._keeper = keeper
        self._delivery = delivery
        self._logs = logs
        self.last_heartbeat: datetime | None = None
        """When it was sent; None before the first."""

    # SessionHandler

    def capabilities(self) -> Capabilities:
        """See :class:`~studio_worker_core.session.SessionHandler`."""
        return self._capabilities()

    def current_job_id(self) -> str | None:
        """The oldest job that runs, else the one being delivered: the studio holds both for
        us. A local job is not the studio's to know."""
        return next(iter(self._leases.job_ids()), None) or self._delivery.in_flight()

    def heartbeat_sent(self) -> None:
        """See :class:`~studio_worker_core.session.SessionHandler`."""
        self.last_heartbeat = datetime.now(UTC)

    def unfinished_jobs(self) -> list[str]:
        """Running, or finished but not acknowledged (protocol §3.1)."""
        running = self._leases.job_ids()
        return running + [job for job in self._delivery.pending_ids() if job not in running]

    def take_logs(self, limit: int) -> list[LogEntry]:
        """See :class:`~studio_worker_core.session.SessionHandler`."""
        return self._logs.take(limit)

    def put_back_logs(self, entries: list[LogEntry]) -> None:
        """See :class:`~studio_worker_core.session.SessionHandler`."""
        self._logs.put_back(entries)

    def on_frame(self, session: Outlet, frame: HandlerFrame) -> None:
        """See :class:`~studio_worker_core.session.SessionHandler`."""
        match frame:
            case Welcome():
                self.on_welcome(session, frame)
            case Offer(claim):
                self.on_offer(session, claim)
            case CompleteAck(job_id):
                self._delivery.on_complete_ack(job_id)
            case FailAck():
                pass  # nothing waits for it: a fail frame is never repeated
            case Cancel(job_id):
                self.on_cancel(job_id)

    def on_welcome(self, session: Outlet, welcome: Welcome) -> None:
        """Carry on with what the studio still holds for us; stop what it has given away."""
        known = "resume" in session.features
        resumed = frozenset(welcome.resume)
        effects = self._leases.opened(
            session, resumed if known else None, takes_meta="meta" in session.features
        )
        for effect in effects:
            match effect:
                case Resumed(lease):
                    log.info("the studio kept job %s for us; carrying on", lease.job_id)
                case TakenBack(lease):
                    self._stop(lease.job_id, StopReason.TAKEN_BACK)
        self._delivery.on_welcome(
            session, known, resumed, takes_json_files="jsonUpload" in session.features
        )

    def on_offer(self, session: Outlet, claim: Claim) -> None:
        """Accept or reject (protocol §3, what the worker does with an offer)."""
        job = job_of(claim)
        reason = self._not_taking()
        if reason is not None:
            self._turn_down(session, job, reason, "paused")
            return
        reason = self._admission(job)
        if reason is not None:
            self._turn_down(session, job, reason, "insufficient_memory")
            return
        permit = self._slots.try_acquire(job)
        if permit is None:
            self._turn_down(session, job, self._busy(), "busy")
            return
        with ExitStack() as unless_accepted:
            unless_accepted.enter_context(permit)
            wants_meta = "meta" in session.features
            lease = self._leases.accepted(job.job_id, session, wants_meta=wants_meta)
            unless_accepted.callback(self._leases.ended, lease)
            if not session.send(Accept(job.job_id)):
                return
            unless_accepted.pop_all()
        log.info(
            "accepted job %s: %s with %s on %s",
            *(job.job_id, job.kind, job.model, job.engine),
            extra={"job_id": job.job_id},
        )
        keeper = self._keeper(partial(self._leases.find, lease))
        listener = _LeasedJob(lease, self._leases, self._delivery)
        self._jobs.submit(permit, keeper, listener)

    def on_cancel(self, job_id: str) -> None:
        """Stop the running job; a finished one is refused by the studio when it arrives."""
        if self._stop(job_id, StopReason.CANCELLED):
            log.info("the studio cancelled job %s", job_id, extra={"job_id": job_id})

    def on_closed(self, session: Outlet) -> None:
        """The job goes on: the next session may resume it, or its file may still be taken."""
        self._leases.closed(session)
        self._delivery.on_closed(session)

    def _stop(self, job_id: str, reason: StopReason) -> bool:
        for job in self._slots.jobs():
            if job.source is Source.STUDIO and job.job_id == job_id:
                job.stop(reason)
                return True
        return False

    def _busy(self) -> str:
        named = [job.job_id for job in self._slots.jobs() if job.source is Source.STUDIO]
        return f"busy with job {', '.join(named)}" if named else "busy with a job of this machine"

    @staticmethod
    def _turn_down(session: Outlet, job: Job, reason: str, code: str | None) -> None:
        log.info("turned down job %s: %s", job.job_id, reason, extra={"job_id": job.job_id})
        session.send(Reject(job.job_id, reason, code))


class _LeasedJob(JobListener[Entry]):
    """Tells the studio of one job, as long as a session may speak of it."""

    def __init__(self, lease: int, leases: Leases[Outlet], delivery: Delivery) -> None:
        self._lease = lease
        self._leases = leases
        self._delivery = delivery

    def progress(self, job: Job, fraction: float, message: str | None) -> None:
        """See :class:`JobListener`."""
        session = self._leases.session_for(self._lease)
        if session is not None:
            session.send(Progress(job.job_id, min(max(fraction, 0.0), 1.0), message))

    def finished(self, job: Job, result: Entry) -> None:
        """See :class:`JobListener`."""
        manifest = result.manifest
        log.info(
            "finished job %s in %.2f s: %s, %d bytes",
            *(job.job_id, time.monotonic() - job.since, manifest.ext, manifest.bytes),
            extra={"job_id": job.job_id},
        )
        self._delivery.submit(result)
        # Only now: a reconnect in between still finds the job among the unfinished ones.
        self._leases.ended(self._lease)

    def failed(self, job: Job, failure: Failure) -> None:
        """See :class:`JobListener`."""
        session = self._leases.session_for(self._lease)
        self._leases.ended(self._lease)
        if session is None or failure.stopped is StopReason.TAKEN_BACK:
            return
        code = _CODES.get(failure.stopped) if failure.stopped is not None else None
        code = code if "code" in session.features else None
        session.send(Fail(job.job_id, failure.message, failure.retryable, code))


def job_of(claim: Claim) -> Job:
    """The job that a studio offers."""
    return Job(
        claim.job_id,
        Source.STUDIO,
        model=claim.model,
        task=claim.task,
        model_source=claim.model_source,
        vram_gb_estimate=claim.vram_gb_estimate,
    )
