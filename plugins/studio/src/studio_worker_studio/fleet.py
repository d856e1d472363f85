"""The connected workers: who holds what, who gets what next, and whose claim lapses."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from weakref import WeakValueDictionary

from studio_worker_core.wire.frames import (
    Cancel,
    CloseCode,
    Hello,
    Offer,
    Welcome,
)
from studio_worker_core.wire.tasks import BINARY_KINDS
from studio_worker_studio.clocks import Clocks
from studio_worker_studio.dispatch import is_candidate, wanted_by
from studio_worker_studio.events import Events
from studio_worker_studio.sessions import GOING_AWAY, JobProgress, Session
from studio_worker_studio.settings import Settings
from studio_worker_studio.store.interface import JobStore
from studio_worker_studio.store.records import JobRecord, JobState
from studio_worker_studio.store.workers import Workers
from studio_worker_studio.timestamps import timestamp

__all__ = ["FEATURES", "Fleet"]

FEATURES = ["cancel", "progress", "resume"]
"""The protocol extensions this studio understands (protocol §3.1)."""

_MAX_STOPPED = 500
"""Of the jobs a worker names that are not its any more, so many are told to stop."""

log = logging.getLogger("studio_worker.studio.fleet")


class Fleet:
    """All sessions of this studio, and the dispatch between them and the queue."""

    def __init__(
        self,
        jobs: JobStore,
        workers: Workers,
        events: Events,
        settings: Settings,
        clocks: Clocks,
    ) -> None:
        self.sessions: dict[str, Session] = {}
        self.progress: dict[str, JobProgress] = {}
        self._jobs = jobs
        self._workers = workers
        self._events = events
        self._settings = settings
        self._clocks = clocks
        self._order = 0
        self._generation = 0
        self._wake = asyncio.Event()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # coming and going

    async def join(self, session: Session, hello: Hello) -> None:
        """A worker said a good ``hello``: its older socket ends (4003), its jobs are settled,
        it is welcomed and gets work."""
        async with self._lock(session.worker_id):
            older = self.sessions.get(session.worker_id)
            if older is not None:
                older.end(
                    CloseCode.DUPLICATE_WORKER,
                    "another session of this worker has connected",
                    error="duplicate_worker",
                )
            self._order += 1
            session.order = self._order
            self.sessions[session.worker_id] = session
            unfinished = frozenset(hello.unfinished_jobs or ())
            resumed, known, dropped = await self._resume(session, unfinished)
            await self._workers.seen(session.worker_id, session.capabilities, self._clocks.wall())
            session.post(
                Welcome(
                    worker_id=session.worker_id,
                    server_time=timestamp(self._clocks.wall()),
                    features=FEATURES,
                    resume=sorted(resumed),
                )
            )
            session.ready = True
            for job_id in sorted(unfinished - known)[:_MAX_STOPPED]:
                session.withdraw(job_id)
                self._ask_to_stop(session, job_id)
            for job_id in list(session.held):  # an upload may end one while we look
                job = await self._jobs.get(job_id)
                if job is not None and job.cancel_requested:
                    self._ask_to_stop(session, job_id)
        self._events.tell("workersChanged", session.worker_id)
        for job in dropped:
            self.job_changed(job)
        self.wake()

    async def _resume(
        self, session: Session, unfinished: frozenset[str]
    ) -> tuple[set[str], set[str], list[JobRecord]]:
        """Ids of the jobs that may be delivered on this session, of those and of the files it
        delivered before, and the jobs it dropped."""
        can = "resume" in session.features
        wall = self._clocks.wall()
        kept, answered, dropped = await self._jobs.resume(
            session.worker_id,
            unfinished if can else frozenset(),
            wall,
            wall + self._settings.lease_seconds,
        )
        for job in kept:
            session.hold(job, self._clocks.now(), accepted=True)
        for job in answered:
            session.settle(job.job_id)
        known = {job.job_id for job in (*kept, *answered)}
        files = {job.job_id for job in answered if job.kind in BINARY_KINDS}
        return known - files, known, dropped

    async def leave(self, session: Session) -> None:
        """A socket is gone. Its claims are kept for a while when the worker can resume them,
        released at once otherwise (protocol §3.1, §5)."""
        async with self._lock(session.worker_id):
            session.over = True
            if self.sessions.get(session.worker_id) is not session:
                return  # a newer session has taken its jobs over
            del self.sessions[session.worker_id]
            resumable = "resume" in session.features and not session.forfeits
            for job_id, held in list(session.held.items()):
                # An offer that was never answered is no work anybody could resume.
                if not (resumable and held.accepted):
                    await self.release(job_id, held.claims)
            if resumable:
                lease = self._clocks.wall() + self._settings.lease_seconds
                await self._jobs.renew(session.worker_id, lease)
            await self._workers.seen(session.worker_id, session.capabilities, self._clocks.wall())
        self._events.tell("workersChanged", session.worker_id)
        self.wake()

    async def expel(self, worker_id: str) -> None:
        """A worker was deleted: its socket closes (4004), its jobs go to others."""
        async with self._lock(worker_id):
            session = self.sessions.get(worker_id)
            if session is not None:
                session.forfeits = True
                session.end(
                    CloseCode.WORKER_DELETED,
                    "this worker was deleted by the studio's operator",
                    error="worker_deleted",
                )
            for job in await self._jobs.held_by(worker_id):
                if session is not None:
                    session.withdraw(job.job_id)
                await self.release(job.job_id, job.claims)
        self._events.tell("workersChanged", worker_id)
        self.wake()

    async def close(self, timeout: float) -> None:
        """The studio stops: every worker is told to come back later, within ``timeout``."""
        sessions = list(self.sessions.values())
        for session in sessions:
            session.end(GOING_AWAY, "the studio is stopping")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                for session in sessions:
                    await session.closed.wait()

    # jobs

    async def release(self, job_id: str, claims: int) -> None:
        """Give a job back to the queue, if that claim still stands."""
        job = await self._jobs.release(job_id, claims)
        if job is not None:
            self.job_changed(job)

    async def job_ended(self, worker_id: str, job_id: str) -> None:
        """A worker's job is done: its slot is free and takes the next one."""
        self.progress.pop(job_id, None)
        self._events.tell("jobsChanged", job_id)
        session = self.sessions.get(worker_id)
        if session is not None:
            session.settle(job_id)
            self._events.tell("workersChanged", worker_id)
            await self.offer(session)

    def job_changed(self, job: JobRecord) -> None:
        """A job moved on; one that waits now is offered around."""
        if job.state is not JobState.CLAIMED:
            self.progress.pop(job.job_id, None)
        self._events.tell("jobsChanged", job.job_id)
        if job.state is JobState.QUEUED:
            self.wake()

    async def cancel(self, job_id: str) -> JobRecord | None:
        """Cancel a job (protocol §6). A connected worker that knows ``cancel`` is asked to
        stop; asked a second time, the job is taken from it. None when it has ended."""
        job = await self._jobs.get(job_id)
        if job is None:
            return None
        session = self._holder(job)
        ask = session is not None and "cancel" in session.features and not job.cancel_requested
        cancelled = await self._jobs.cancel(job_id, ask=ask, now=self._clocks.wall())
        if cancelled is None:
            return None
        holder = self._holder(cancelled)
        if holder is not None:
            if cancelled.state is JobState.CANCELLED:
                holder.withdraw(job_id)
            self._ask_to_stop(holder, job_id)
        self.job_changed(cancelled)
        return cancelled

    def _holder(self, job: JobRecord) -> Session | None:
        session = self.sessions.get(job.worker_id or "")
        return session if session is not None and job.job_id in session.held else None

    def _ask_to_stop(self, session: Session, job_id: str) -> None:
        if "cancel" in session.features:
            session.post(Cancel(job_id=job_id))

    # dispatch

    def wake(self) -> None:
        """There may be work for somebody."""
        self._generation += 1
        self._wake.set()

    async def offer(self, session: Session) -> None:
        """Give a session the next job it can take. The slot is reserved before the row is
        claimed; when there is no job it is given back (protocol §5)."""
        job = await self._claim_for(session)
        if job is None:
            return
        if session.over:
            await self.release(job.job_id, job.claims)
            return
        session.hold(job, self._clocks.now(), accepted=False)
        session.post(Offer(claim=job.claim()))
        self._events.tell("jobsChanged", job.job_id)
        self._events.tell("workersChanged", session.worker_id)

    async def _claim_for(self, session: Session) -> JobRecord | None:
        while True:
            views = [s.view() for s in self.sessions.values() if s.ready and not s.over]
            wanted = wanted_by(session.view(), views)
            if wanted is None:
                return None
            generation = self._generation
            session.reserving = True
            try:
                wall = self._clocks.wall()
                job = await self._jobs.claim_next(
                    wanted, session.worker_id, wall, wall + self._settings.lease_seconds
                )
            finally:
                session.reserving = False
            if job is not None or generation == self._generation:
                return job
            # Work came while we looked, and this session was passed by as taken.

    async def dispatch(self) -> None:
        """Offer waiting work to free workers, earliest connected first, whenever woken."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            kinds = await self._jobs.waiting_kinds()
            for session in sorted(self.sessions.values(), key=lambda s: s.order):
                if not kinds:
                    break
                if kinds.isdisjoint(session.capabilities.task_kinds):
                    continue
                if is_candidate(session.view()):
                    await self.offer(session)
                    kinds = await self._jobs.waiting_kinds()

    # lapses

    async def sweep(self) -> None:
        """Release what nobody vouches for: leases that ran out, offers nobody answered,
        sessions that fell silent."""
        now = self._clocks.now()
        for session in list(self.sessions.values()):
            if now - session.last_heartbeat > self._settings.lease_seconds:
                await self._lapse(session)
                continue
            session.forgive(now)
            for job_id, held in list(session.held.items()):
                if not held.accepted and now - held.offered_at > self._settings.offer_seconds:
                    log.warning("worker %s did not answer an offer", session.worker_id)
                    session.refuse(job_id, now + self._settings.refusal_seconds)
                    session.withdraw(job_id)
                    await self.release(job_id, held.claims)
        for job in await self._jobs.expired(self._clocks.wall()):
            log.warning("the lease of job %s ran out", job.job_id)
            holder = self._holder(job)
            if holder is not None:
                await self._lapse(holder)
            await self.release(job.job_id, job.claims)

    async def _lapse(self, session: Session) -> None:
        log.warning("worker %s sent no heartbeat in time", session.worker_id)
        for job_id, held in list(session.held.items()):
            session.withdraw(job_id)
            await self.release(job_id, held.claims)
        session.end(CloseCode.NORMAL, "no heartbeat in time")

    def _lock(self, worker_id: str) -> asyncio.Lock:
        lock = self._locks.get(worker_id)
        if lock is None:
            lock = self._locks[worker_id] = asyncio.Lock()
        return lock
