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
from studio_worker_core.wire.generation import meta_from
from studio_worker_core.wire.tasks import BINARY_KINDS
from studio_worker_studio.clocks import Clocks
from studio_worker_studio.fleet import Fleet
from studio_worker_studio.notifier import Notifier
from studio_worker_studio.salvage import UnusableAnswer, salvaged
from studio_worker_studio.sessions import JobProgress, Session
from studio_worker_studio.settings import Settings
from studio_worker_studio.store.interface import LogStore
from studio_worker_studio.store.jobs import JobStore
from studio_worker_studio.store.records import Receipt

log = logging.getLogger("studio_worker.studio.conversation")

_MAX_NONSENSE = 20


class Conversation:
    """The studio's half of one session, from ``welcome`` to the end."""

    def __init__(
        self,
        session: Session,
        fleet: Fleet,
        jobs: JobStore,
        logs: LogStore,
        notifier: Notifier,
        settings: Settings,
        clocks: Clocks,
    ) -> None:
        self._session = session
        self._fleet = fleet
        self._jobs = jobs
        self._logs = logs
        self._notifier = notifier
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
            usable = salvaged(message, error)
            if usable is None:
                self._hear_nonsense(error)
            else:
                log.warning("worker %s: %s; used as far as it goes", self._session.worker_id, error)
                await self._act_on_job(usable)
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

    async def _act_on_job(
        self, frame: Accept | Reject | CompleteJson | Fail | UnusableAnswer
    ) -> None:
        match frame:
            case Accept():
                await self._on_accept(frame)
            case Reject():
                await self._on_reject(frame)
            case CompleteJson():
                await self._on_complete(frame)
            case Fail():
                await self._on_fail(frame)
            case UnusableAnswer():
                await self._on_unusable(frame)

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
        was_free = session.is_free
        is_news = session.describe(frame.capabilities)
        session.current_job_id = frame.current_job_id
        for job_id in {frame.current_job_id, *(frame.current_job_ids or ())}:
            held = session.held.get(job_id or "")
            if held is not None:
                self._fleet.vouch(job_id or "", held.claims)
        session.last_heartbeat = self._clocks.now()
        session.resting = False
        session.post(HeartbeatAck())
        await self._fleet.offer(session)
        if is_news or was_free != session.is_free:
            self._notifier.tell("workersChanged", session.worker_id)

    async def _on_accept(self, frame: Accept) -> None:
        held = self._session.held.get(frame.job_id)
        if held is not None:
            held.accepted = True
            self._fleet.accepted(self._session, frame.job_id, held.claims)
        elif not await self._has_crossed(frame.job_id):
            self._session.violate(f"accept for job {frame.job_id}, which is not held")

    async def _has_crossed(self, job_id: str) -> bool:
        """Whether a frame about a job that is not held met the news on the wire: a result over
        HTTP overtakes its accept, a cancel its fail (protocol §5)."""
        if self._session.has_had(job_id):
            return True
        job = await self._jobs.get(job_id)
        return job is not None and job.worker_id == self._session.worker_id

    async def _on_reject(self, frame: Reject) -> None:
        held = self._session.held.get(frame.job_id)
        if held is None:
            return
        if frame.code in ("busy", "paused"):
            del self._session.held[frame.job_id]
            self._session.resting = True
            await self._fleet.release(frame.job_id, held.claims)
        else:
            log.warning(
                "worker %s rejected job %s: %r",
                self._session.worker_id,
                frame.job_id,
                frame.reason,
            )
            await self._hand_on(frame.job_id, held.claims)
        await self._fleet.offer(self._session)

    async def _on_complete(self, frame: CompleteJson) -> None:
        session = self._session
        held = session.held.get(frame.job_id)
        job = await self._jobs.get(frame.job_id)
        if held is not None and job is not None and job.kind in BINARY_KINDS:
            reason = f"a job of kind {job.kind} was answered with JSON instead of a file"
            acknowledged = CompleteAck(job_id=frame.job_id)
            await self._fail(frame.job_id, held.claims, reason, acknowledged, retryable=True)
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
            meta=meta_from(frame.meta),
        )
        if (
            outcome is Receipt.NOT_HELD
            and held is None
            and not await self._has_crossed(frame.job_id)
        ):
            session.violate(f"completeJson for job {frame.job_id}, which is not held")
            return
        session.post(CompleteAck(job_id=frame.job_id))
        session.withdraw(frame.job_id)
        if outcome is Receipt.DONE and job is not None:
            await self._fleet.job_done(session.worker_id, job)

    async def _on_fail(self, frame: Fail) -> None:
        held = self._session.held.get(frame.job_id)
        if held is None:
            if await self._has_crossed(frame.job_id):
                self._session.post(FailAck(job_id=frame.job_id))
            else:
                self._session.violate(f"fail for job {frame.job_id}, which is not held")
            return
        acknowledged = FailAck(job_id=frame.job_id)
        if frame.code == "shutdown":
            await self._hand_on(frame.job_id, held.claims)
            self._session.post(acknowledged)
            return
        retryable = frame.retryable
        await self._fail(frame.job_id, held.claims, frame.error, acknowledged, retryable=retryable)

    async def _on_unusable(self, frame: UnusableAnswer) -> None:
        held = self._session.held.get(frame.job_id)
        if held is None and not await self._has_crossed(frame.job_id):
            self._session.violate(f"completeJson for job {frame.job_id}, which is not held")
            return
        acknowledged = CompleteAck(job_id=frame.job_id)
        if held is None:
            self._session.post(acknowledged)
            return
        await self._fail(frame.job_id, held.claims, frame.reason, acknowledged, retryable=True)

    async def _hand_on(self, job_id: str, claims: int) -> None:
        """The worker does not take or keep the job: it is for others, uncounted."""
        self._session.refuse(job_id, self._clocks.now() + self._settings.refusal_seconds)
        await self._fleet.release(job_id, claims)

    async def _fail(
        self,
        job_id: str,
        claims: int,
        error: str,
        acknowledged: FailAck | CompleteAck,
        *,
        retryable: bool,
    ) -> None:
        """Nothing is acknowledged before it is stored: what is lost with the studio comes again."""
        job = await self._jobs.fail(
            job_id, claims, error, retryable=retryable, now=self._clocks.wall()
        )
        self._session.post(acknowledged)
        self._session.settle(job_id)
        self._notifier.tell("workersChanged", self._session.worker_id)
        if job is not None:
            self._fleet.job_changed(job)
        self._fleet.wake()

    def _on_progress(self, frame: Progress) -> None:
        if frame.job_id not in self._session.held:
            return
        known = self._fleet.progress.get(frame.job_id)
        if known is None or frame.fraction >= known.fraction:
            self._fleet.progress[frame.job_id] = JobProgress(frame.fraction, frame.message)
            self._notifier.tell("jobsChanged", frame.job_id)

    async def _on_logs(self, frame: LogBatch) -> None:
        if frame.entries:
            now = self._clocks.wall()
            await self._logs.add(self._session.worker_id, frame.entries, now)
            self._notifier.tell("logs", self._session.worker_id)
