"""Looking for what nobody vouches for any more (protocol §5)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from studio_worker_core.wire.frames import CloseCode
from studio_worker_studio.clocks import Clocks
from studio_worker_studio.leases import Leases
from studio_worker_studio.sessions import Session
from studio_worker_studio.settings import Settings

log = logging.getLogger("studio_worker.studio.fleet")


class _Release(Protocol):
    async def __call__(self, job_id: str, claims: int, *, counted: bool = False) -> None: ...


class Lapses:
    """Takes jobs back: offers nobody answered, jobs no heartbeat names, sessions that fell
    silent, workers that did not come back."""

    def __init__(
        self,
        sessions: Mapping[str, Session],
        leases: Leases,
        settings: Settings,
        clocks: Clocks,
        release: _Release,
        ask_to_stop: Callable[[Session, str], None],
    ) -> None:
        self._sessions = sessions
        self._leases = leases
        self._settings = settings
        self._clocks = clocks
        self._release = release
        self._ask_to_stop = ask_to_stop

    async def sweep(self) -> None:
        """Look once at everything."""
        now = self._clocks.now()
        for session in list(self._sessions.values()):
            if now - session.last_heartbeat > self._settings.lease_seconds:
                await self._lapse(session)
            else:
                session.forgive(now)
                await self._look_at_offers(session, now)
        for job_id, lease in self._leases.expired(now):
            log.warning("nobody vouches for job %s any more", job_id)
            holder = self._sessions.get(lease.worker_id)
            if holder is not None and job_id in holder.held:
                self._ask_to_stop(holder, job_id)
                await self._take_away(holder, job_id, lease.claims)
            else:
                await self._release(job_id, lease.claims, counted=lease.orphaned)

    async def _look_at_offers(self, session: Session, now: float) -> None:
        for job_id, held in list(session.held.items()):
            if not held.accepted and now - held.offered_at > self._settings.offer_seconds:
                log.warning("worker %s did not answer an offer", session.worker_id)
                await self._take_away(session, job_id, held.claims)

    async def _take_away(self, session: Session, job_id: str, claims: int) -> None:
        session.refuse(job_id, self._clocks.now() + self._settings.refusal_seconds)
        session.withdraw(job_id)
        await self._release(job_id, claims)

    async def _lapse(self, session: Session) -> None:
        log.warning("worker %s sent no heartbeat in time", session.worker_id)
        for job_id, held in list(session.held.items()):
            session.withdraw(job_id)
            # Silence is how a machine dies that its job has frozen.
            await self._release(job_id, held.claims, counted=True)
        session.end(CloseCode.NORMAL, "no heartbeat in time")
