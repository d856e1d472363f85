"""What the studio does with each frame of a welcomed worker (protocol §3, §5)."""

from __future__ import annotations

import hashlib
import logging

import msgspec

from studio_worker_core.errors import BadFrame
from studio_worker_core.wire.codec import decode_worker_frame
from studio_worker_core.wire.frames import (
    Accept,
    CompleteAck,
    CompleteJson,
    Fail,
    FailAck,
    Heartbeat,
    HeartbeatAck,
    Hello,
    LogBatch,
    Progress,
    ReadyForMore,
    Reject,
    WorkerFrame,
)
from studio_worker_core.wire.tasks import BINARY_KINDS
from studio_worker_studio.clocks import Clocks
from studio_worker_studio.events import Events
from studio_worker_studio.fleet import Fleet
from studio_worker_studio.sessions import JobProgress, Session
from studio_worker_studio.settings import Settings
from studio_worker_studio.store.interface import JobStore, Outcome
from studio_worker_studio.store.registry import Logs

__all__ = ["Conversation"]

log = logging.getLogger("studio_worker.studio.conversation")

_MAX_NONSENSE = 20


class Conversation:
    """The studio's half of one session, from ``welcome`` to the end."""

    def __init__(
        self,
        session: Session,
        fleet: Fleet,
        jobs: JobStore,
        logs: Logs,
        events: Events,
        settings: Settings,
        clocks: Clocks,
    ) -> None:
        self._session = session
        self._fleet = fleet
        self._jobs = jobs
        self._logs = logs
        self._events = events
        self._settings = settings
        self._clocks = clocks
        self._nonsense = 0

    async def hear(self, message: str | bytes) -> None:
        """Act on one message of the worker."""
        if self._session.over:
            return
        if isinstance(message, bytes):
            self._hear_binary()
            return
        try:
            frame = decode_worker_frame(message)
        except BadFrame as error:
            self._hear_nonsense(error)
            return
        self._nonsense = 0
        await self._act(frame)

    async def _act(self, frame: WorkerFrame) -> None:
        match frame:
            case Heartbeat():
                await self._on_heartbeat(frame)
            case Accept() | Reject() | CompleteJson() | Fail():
                await self._act_on_job(frame)
            case Progress():
                self._on_progress(frame)
            case LogBatch():
                await self._on_logs(frame)
            case ReadyForMore():
                await self._fleet.offer(self._session)
            case Hello():
                log.info("worker %s said hello again", self._session.worker_id)

    async def _act_on_job(self, frame: Accept | Reject | CompleteJson | Fail) -> None:
        match frame:
            case Accept():
                self._on_accept(frame)
            case Reject():
                await self._on_reject(frame)
            case CompleteJson():
                await self._on_complete(frame)
            case Fail():
                await self._on_fail(frame)

    def _hear_binary(self) -> None:
        # A protocol error, but a session that carries work is worth more than the point.
        if self._session.held:
            log.warning("binary frame from worker %s skipped", self._session.worker_id)
        else:
            self._session.violate("binary frames are not part of the protocol")

    def _hear_nonsense(self, error: BadFrame) -> None:
        log.warning("worker %s: %s", self._session.worker_id, error)
        self._nonsense += 1
        if self._nonsense >= _MAX_NONSENSE and not self._session.held:
            self._session.violate(f"{self._nonsense} unreadable frames in a row")

    async def _on_heartbeat(self, frame: Heartbeat) -> None:
        session = self._session
        before = session.view()
        session.capabilities = frame.capabilities
        session.features = frozenset(frame.capabilities.features or session.features)
        session.current_job_id = frame.current_job_id
        session.last_heartbeat = self._clocks.now()
        session.resting = False
        session.post(HeartbeatAck())
        if session.held:
            lease = self._clocks.wall() + self._settings.lease_seconds
            await self._jobs.renew(session.worker_id, lease)
        else:
            await self._fleet.offer(session)
        after = session.view()
        if before.capabilities != after.capabilities or before.free != after.free:
            self._events.tell("workersChanged", session.worker_id)

    def _on_accept(self, frame: Accept) -> None:
        held = self._session.held.get(frame.job_id)
        if held is not None:
            held.accepted = True
        elif not (
            self._session.was_withdrawn(frame.job_id) or self._session.has_ended(frame.job_id)
        ):
            # A quick job's result comes over HTTP and may overtake its accept.
            self._session.violate(f"accept for job {frame.job_id}, which is not held")

    async def _on_reject(self, frame: Reject) -> None:
        held = self._session.held.get(frame.job_id)
        if held is None:
            return
        if frame.code in ("busy", "paused"):
            del self._session.held[frame.job_id]
            self._session.resting = True
        else:
            log.warning(
                "worker %s rejected job %s: %s",
                self._session.worker_id,
                frame.job_id,
                frame.reason,
            )
            until = self._clocks.now() + self._settings.refusal_seconds
            self._session.refuse(frame.job_id, until)
        await self._fleet.release(frame.job_id, held.claims)
        await self._fleet.offer(self._session)

    async def _on_complete(self, frame: CompleteJson) -> None:
        session = self._session
        held = session.held.get(frame.job_id)
        job = await self._jobs.get(frame.job_id)
        if held is not None and job is not None and job.kind in BINARY_KINDS:
            reason = f"a job of kind {job.kind} was answered with JSON instead of a file"
            session.post(CompleteAck(job_id=frame.job_id))
            await self._fail(frame.job_id, held.claims, reason, retryable=True)
            return
        result = msgspec.json.encode(frame.result)
        outcome = await self._jobs.finish_json(
            frame.job_id,
            session.worker_id,
            held.claims if held is not None else None,
            result,
            hashlib.sha256(result).hexdigest(),
            frame.prompt,
            self._clocks.wall(),
        )
        if outcome is Outcome.NOT_HELD and not (
            held is not None or session.was_withdrawn(frame.job_id)
        ):
            session.violate(f"completeJson for job {frame.job_id}, which is not held")
            return
        session.post(CompleteAck(job_id=frame.job_id))
        session.withdraw(frame.job_id)
        if outcome is Outcome.DONE:
            await self._fleet.job_ended(session.worker_id, frame.job_id)

    async def _on_fail(self, frame: Fail) -> None:
        held = self._session.held.get(frame.job_id)
        if held is None:
            if self._session.was_withdrawn(frame.job_id):
                self._session.post(FailAck(job_id=frame.job_id))
            else:
                self._session.violate(f"fail for job {frame.job_id}, which is not held")
            return
        self._session.post(FailAck(job_id=frame.job_id))
        await self._fail(frame.job_id, held.claims, frame.error, retryable=frame.retryable)

    async def _fail(self, job_id: str, claims: int, error: str, *, retryable: bool) -> None:
        job = await self._jobs.fail(
            job_id, claims, error, retryable=retryable, now=self._clocks.wall()
        )
        self._session.settle(job_id)
        self._events.tell("workersChanged", self._session.worker_id)
        if job is not None:
            self._fleet.job_changed(job)
        self._fleet.wake()

    def _on_progress(self, frame: Progress) -> None:
        if frame.job_id not in self._session.held:
            return
        known = self._fleet.progress.get(frame.job_id)
        if known is None or frame.fraction >= known.fraction:
            self._fleet.progress[frame.job_id] = JobProgress(frame.fraction, frame.message)
            self._events.tell("jobsChanged", frame.job_id)

    async def _on_logs(self, frame: LogBatch) -> None:
        if frame.entries:
            await self._logs.add(self._session.worker_id, frame.entries)
            self._events.tell("logs", self._session.worker_id)
