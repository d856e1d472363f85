"""Giving waiting work to free workers (protocol §5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from studio_worker_studio.clocks import Clocks
from studio_worker_studio.dispatch import Lane, is_candidate, wanted_by
from studio_worker_studio.sessions import Session
from studio_worker_studio.store.jobs import JobStore
from studio_worker_studio.store.records import JobRecord, WaitingJob


class Placing:
    """The dispatch between the sessions and the queue. ``sessions`` are in the order of their
    connections; ``offered`` hears of each claim, and sends the offer or gives the job back."""

    def __init__(
        self,
        sessions: Mapping[str, Session],
        jobs: JobStore,
        clocks: Clocks,
        offered: Callable[[Session, JobRecord], Awaitable[None]],
    ) -> None:
        self._sessions = sessions
        self._jobs = jobs
        self._clocks = clocks
        self._offered = offered
        self._generation = 0
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be work for somebody."""
        self._generation += 1
        self._wake.set()

    async def run(self) -> None:
        """Offer waiting work to free workers, earliest connected first, whenever woken."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            lanes = await self._jobs.waiting_lanes()
            for session in list(self._sessions.values()):
                if not lanes:
                    break
                if _may_serve(session, lanes):
                    await self.offer(session)
                    lanes = await self._jobs.waiting_lanes()

    async def offer(self, session: Session) -> None:
        """Give a session the next job it can take. The slot is reserved before the row is
        claimed; when there is no job it is given back (protocol §5)."""
        while True:
            wanted = wanted_by(session.view())
            if wanted is None:
                return
            generation = self._generation
            session.reserving = True
            try:
                found = await self._jobs.first_for(wanted)
                if found is None:
                    if generation == self._generation:
                        return
                    continue  # work came while we looked, and this session was passed by
                chosen = self._better(session, found) or session
                if chosen is session:
                    if await self._claim(session, found):
                        return
                    continue
            finally:
                session.reserving = False
            await self._claim_for_other(chosen, found)

    async def _claim_for_other(self, session: Session, found: WaitingJob) -> None:
        session.reserving = True
        try:
            await self._claim(session, found)
        finally:
            session.reserving = False

    async def _claim(self, session: Session, found: WaitingJob) -> bool:
        job = await self._jobs.claim(found.id, session.worker_id, self._clocks.wall())
        if job is None:
            return False
        await self._offered(session, job)
        return True

    def _better(self, session: Session, found: WaitingJob) -> Session | None:
        """The first idle worker that names the model, for a job that would go to one that only
        has the engine."""
        kind, engine = found.lane.kind, found.lane.engine
        if session.abilities.names(kind, found.model, engine):
            return None
        for other in self._sessions.values():
            if (
                other is not session
                and other.abilities.names(kind, found.model, engine)
                and other.abilities.can(found.lane, found.vram_gb)
                and is_candidate(view := other.view())
                and found.job_id not in view.refused
            ):
                return other
        return None


def _may_serve(session: Session, lanes: Mapping[Lane, float]) -> bool:
    """Whether a look at the queue is worth it, told from what is in memory."""
    if not session.is_free:
        return False
    abilities = session.abilities
    fits = any(abilities.can(lane, least) for lane, least in lanes.items())
    return fits and is_candidate(session.view())
