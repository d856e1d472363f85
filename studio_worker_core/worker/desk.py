"""The desk where the studio's frames arrive: offers are taken or turned down, acks passed on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from studio_worker_core.delivery import Delivery
from studio_worker_core.gate import Gate
from studio_worker_core.log_shipping import LogShipper
from studio_worker_core.session import Session, fail_bad_offer
from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.frames import Accept, Claim, LogEntry, Reject, Welcome
from studio_worker_core.worker.held import HeldJob, StopReason

__all__ = ["Admission", "Desk"]

log = logging.getLogger("studio_worker.worker")


class Admission(Protocol):
    """Whether a claim's memory estimate fits this machine now."""

    def __call__(self, claim: Claim) -> str | None:
        """The reason to turn it down, or None."""


class Desk:
    """The worker's :class:`~studio_worker_core.session.SessionHandler`.

    The studio's frames are answered on the session's thread; accepted claims go to ``start``,
    which hands them to the job thread.
    """

    def __init__(
        self,
        *,
        capabilities: Callable[[], Capabilities],
        not_taking: Callable[[], str | None],
        admission: Admission,
        gate: Gate,
        delivery: Delivery,
        logs: LogShipper,
        start: Callable[[HeldJob], None],
    ) -> None:
        self._capabilities = capabilities
        self._not_taking = not_taking
        self._admission = admission
        self._gate = gate
        self._delivery = delivery
        self._logs = logs
        self._start = start
        self._lock = threading.Lock()
        self._held: HeldJob | None = None
        self._session: Session | None = None
        self._resumed: frozenset[str] | None = None

    @property
    def session(self) -> Session | None:
        """The session that is welcomed now."""
        return self._session

    @property
    def held(self) -> HeldJob | None:
        """The job that runs now."""
        return self._held

    def open_gate(self, held: HeldJob) -> None:
        """The job needs this machine no more. Before its end is told: the studio's answer to
        a result is the next offer."""
        self._gate.leave(held.job_id)

    def let_go(self, held: HeldJob) -> None:
        """The job is over, and whatever must outlive it is in other hands."""
        self._gate.leave(held.job_id)
        with self._lock:
            if self._held is held:
                self._held = None

    def is_ours(self, job_id: str) -> bool | None:
        """Whether the studio still holds the job for us; None when it cannot be known."""
        resumed = self._resumed
        if resumed is None or job_id in resumed:
            return None
        return False

    def session_for(self, held: HeldJob) -> Session | None:
        """The session that may carry frames about ``held``, if there is one now."""
        session = self._session
        return session if session is not None and session.number == held.session_number else None

    # SessionHandler

    def capabilities(self) -> Capabilities:
        """See :class:`~studio_worker_core.session.SessionHandler`."""
        return self._capabilities()

    def current_job_id(self) -> str | None:
        """The running job, else the one being delivered: the studio holds both for us."""
        return self._gate.holder or self._delivery.in_flight()

    def unfinished_jobs(self) -> list[str]:
        """Running, or finished but not acknowledged (protocol §3.1)."""
        held = self._held
        running = [held.job_id] if held is not None else []
        return running + [job for job in self._delivery.pending_ids() if job not in running]

    def take_logs(self, limit: int) -> list[LogEntry]:
        """See :class:`~studio_worker_core.session.SessionHandler`."""
        return self._logs.take(limit)

    def put_back_logs(self, entries: list[LogEntry]) -> None:
        """See :class:`~studio_worker_core.session.SessionHandler`."""
        self._logs.put_back(entries)

    def on_welcome(self, session: Session, welcome: Welcome) -> None:
        """Carry on with what the studio still holds for us; stop what it has given away."""
        known = "resume" in session.features
        resumed = frozenset(welcome.resume)
        self._session = session
        held = self._held
        if held is not None and held.session_number != session.number:
            if held.job_id in resumed:
                held.resumed_on(session.number)
                log.info("the studio kept job %s for us; carrying on", held.job_id)
            elif known:
                held.stop(StopReason.TAKEN_BACK)
        self._resumed = resumed if known else None
        self._delivery.on_welcome(session, known, resumed)

    def on_offer(self, session: Session, claim: Claim) -> None:
        """Accept or reject (protocol §3, what the worker does with an offer)."""
        job_id = claim.job_id
        reason = self._not_taking()
        if reason is not None:
            self._turn_down(session, job_id, reason, "paused")
            return
        reason = self._admission(claim)
        if reason is not None:
            self._turn_down(session, job_id, reason, None)
            return
        if not self._gate.try_enter(job_id):
            self._turn_down(session, job_id, f"busy with job {self._gate.holder}", "busy")
            return
        held = HeldJob(claim, session.number)
        with self._lock:
            self._held = held
        if self._resumed is not None:
            self._resumed |= {job_id}
        if not session.send(Accept(job_id)):
            self.let_go(held)
            return
        log.info(
            "accepted job %s: %s with %s on %s",
            *(job_id, claim.task.__struct_config__.tag, claim.model, claim.model_source.engine),
            extra={"job_id": job_id},
        )
        self._start(held)

    def on_bad_offer(self, session: Session, job_id: str | None, reason: str) -> None:
        """See :class:`~studio_worker_core.session.SessionHandler`."""
        fail_bad_offer(session, job_id, reason)

    def on_complete_ack(self, session: Session, job_id: str) -> None:
        """See :class:`~studio_worker_core.session.SessionHandler`."""
        self._delivery.on_complete_ack(job_id)

    def on_fail_ack(self, session: Session, job_id: str) -> None:
        """Nothing waits for it: a fail frame is never repeated."""

    def on_cancel(self, session: Session, job_id: str) -> None:
        """Stop the running job; a finished one is refused by the studio when it arrives."""
        held = self._held
        if held is not None and held.job_id == job_id:
            log.info("the studio cancelled job %s", job_id, extra={"job_id": job_id})
            held.stop(StopReason.STUDIO)

    def on_closed(self, session: Session) -> None:
        """The job goes on: the next session may resume it, or its file may still be taken."""
        if self._session is session:
            self._session = None
        held = self._held
        if held is not None:
            held.session_lost(session.number)
        self._delivery.on_closed(session)

    @staticmethod
    def _turn_down(session: Session, job_id: str, reason: str, code: str | None) -> None:
        log.info("turned down job %s: %s", job_id, reason, extra={"job_id": job_id})
        session.send(Reject(job_id, reason, code))
