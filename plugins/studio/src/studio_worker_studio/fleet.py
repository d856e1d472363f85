"""The connected workers: who holds what, who gets what next, and whose claim lapses."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from weakref import WeakValueDictionary

from studio_worker_core.wire.frames import Cancel, CloseCode, Hello, Welcome
from studio_worker_core.wire.tasks import BINARY_KINDS
from studio_worker_core.wire.timestamps import timestamp
from studio_worker_studio.clocks import Clocks
from studio_worker_studio.ended_jobs import EndedJobs
from studio_worker_studio.lapses import Lapses
from studio_worker_studio.leases import Leases
from studio_worker_studio.notifier import Change, Notifier
from studio_worker_studio.placing import Placing
from studio_worker_studio.sessions import GOING_AWAY, JobProgress, Session
from studio_worker_studio.settings import Settings
from studio_worker_studio.shapes import strict_offer
from studio_worker_studio.store.interface import WorkerStore
from studio_worker_studio.store.jobs import JobStore
from studio_worker_studio.store.records import JobRecord, JobState

FEATURES = ["cancel", "code", "jsonUpload", "meta", "progress", "resume"]
"""The protocol extensions this studio understands (protocol §3.1)."""

_MAX_STOPPED = 500
"""Of the jobs a worker names that are not its any more, so many are told to stop."""

log = logging.getLogger("studio_worker.studio.fleet")


class Fleet:
    """All sessions of this studio, and the dispatch between them and the queue."""

    def __init__(
        self,
        jobs: JobStore,
        workers: WorkerStore,
        notifier: Notifier,
        settings: Settings,
        clocks: Clocks,
    ) -> None:
        self.sessions: dict[str, Session] = {}
        self.progress: dict[str, JobProgress] = {}
        self._jobs = jobs
        self._workers = workers
        self._notifier = notifier
        self._settings = settings
        self._clocks = clocks
        self.ended = EndedJobs(clocks)
        self.leases = Leases()
        self.sweeps = 0
        """How often lapses were looked for."""
        self._lapses = Lapses(
            self.sessions, self.leases, settings, clocks, self.release, self._ask_to_stop
        )
        self._placing = Placing(self.sessions, jobs, clocks, self._send_offer)
        notifier.subscribe(self._heard)
        self._order = 0
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def take_up(self) -> None:
        """The studio has started: every claim it finds gets a while for its worker to come back,
        and is not counted when it does not, for it was the studio that left."""
        until = self._clocks.now() + self._settings.restart_grace_seconds
        for job in await self._jobs.claimed():
            self.leases.begin(job.job_id, job.worker_id or "", job.claims, until)

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
            self.sessions.pop(session.worker_id, None)  # the newest goes last
            self.sessions[session.worker_id] = session
            unfinished = frozenset(hello.unfinished_jobs or ())
            taken_over = frozenset(older.held) if older is not None else frozenset()
            resumed, known, dropped = await self._resume(session, unfinished, taken_over)
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
        self._notifier.tell("workersChanged", session.worker_id)
        for job in dropped:
            self.job_changed(job)
        self.wake()

    async def _resume(
        self, session: Session, unfinished: frozenset[str], taken_over: frozenset[str]
    ) -> tuple[set[str], set[str], list[JobRecord]]:
        """Ids of the jobs that may be delivered on this session, of those and of the files it
        delivered before, and the jobs it dropped."""
        can = "resume" in session.features
        leases = self.leases.of(session.worker_id)
        orphaned = taken_over | {job_id for job_id, lease in leases.items() if lease.orphaned}
        kept, answered, dropped = await self._jobs.resume(
            session.worker_id,
            unfinished if can else frozenset(),
            orphaned,
            self._clocks.wall(),
        )
        now = self._clocks.now()
        for job in kept:
            session.hold(job, now, accepted=True)
            until = now + self._settings.lease_seconds
            self.leases.begin(job.job_id, session.worker_id, job.claims, until)
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
            by_itself = not session.ending
            until = self._clocks.now() + self._settings.lease_seconds
            for job_id, held in list(session.held.items()):
                # An offer that was never answered is no work anybody could resume.
                if resumable and held.accepted:
                    self.leases.orphan(job_id, until, by_itself=by_itself)
                else:
                    await self.release(job_id, held.claims, counted=by_itself)
            await self._workers.seen(session.worker_id, session.capabilities, self._clocks.wall())
        self._notifier.tell("workersChanged", session.worker_id)
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
        self._notifier.tell("workersChanged", worker_id)
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

    async def release(self, job_id: str, claims: int, *, counted: bool = False) -> None:
        """Give a job back to the queue, if that claim still stands; ``counted`` when its worker
        was lost with it (protocol §5)."""
        job = await self._jobs.release(job_id, claims, counted=counted, now=self._clocks.wall())
        self.leases.end(job_id, claims)
        if job is not None:
            self.job_changed(job)

    async def job_done(self, worker_id: str, job: JobRecord) -> None:
        """A worker's job is done: its slot is free and takes the next one."""
        self.ended.note(job, JobState.DONE)
        self.progress.pop(job.job_id, None)
        self.leases.end(job.job_id)
        self._notifier.tell("jobsChanged", job.job_id)
        session = self.sessions.get(worker_id)
        if session is not None:
            session.settle(job.job_id)
            self._notifier.tell("workersChanged", worker_id)
            await self.offer(session)

    def job_changed(self, job: JobRecord) -> None:
        """A job moved on; one that waits now is offered around."""
        if job.state is not JobState.CLAIMED:
            self.ended.note(job, job.state)
            self.progress.pop(job.job_id, None)
            self.leases.end(job.job_id, job.claims)
        self._notifier.tell("jobsChanged", job.job_id)
        if job.state is JobState.QUEUED:
            self._notifier.tell("workWaiting", job.job_id)

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
        self._placing.wake()

    def _heard(self, change: Change, _ident: str | None) -> None:
        if change == "workWaiting":
            self.wake()

    async def offer(self, session: Session) -> None:
        """Give a session the next job it can take."""
        await self._placing.offer(session)

    async def dispatch(self) -> None:
        """Offer waiting work to free workers whenever there is some."""
        await self._placing.run()

    async def _send_offer(self, session: Session, job: JobRecord) -> None:
        if session.over:
            await self.release(job.job_id, job.claims)
            return
        now = self._clocks.now()
        session.hold(job, now, accepted=False)
        # An offer has a time of its own; the lease is there for when the session ends first.
        until = now + self._settings.offer_seconds + self._settings.lease_seconds
        self.leases.begin(job.job_id, session.worker_id, job.claims, until)
        session.post(strict_offer(job.claim()))
        self._notifier.tell("jobsChanged", job.job_id)
        self._notifier.tell("workersChanged", session.worker_id)

    # lapses

    def accepted(self, session: Session, job_id: str, claims: int) -> None:
        """A worker took an offer: from now on it has to name the job."""
        until = self._clocks.now() + self._settings.lease_seconds
        self.leases.begin(job_id, session.worker_id, claims, until)

    def vouch(self, job_id: str, claims: int) -> bool:
        """Somebody says that a job goes on: a heartbeat that names it, or bytes of its result.
        False when that claim is over."""
        until = self._clocks.now() + self._settings.lease_seconds
        return self.leases.vouch(job_id, claims, until)

    async def sweep(self) -> None:
        """Release what nobody vouches for."""
        await self._lapses.sweep()
        self.sweeps += 1

    def _lock(self, worker_id: str) -> asyncio.Lock:
        lock = self._locks.get(worker_id)
        if lock is None:
            lock = self._locks[worker_id] = asyncio.Lock()
        return lock
