"""How the studio is at a glance, and the sums of the overview: read seldom, however many look."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from studio_worker_studio.store.records import JobState, Statistics
from studio_worker_studio.studio import Studio

HOURS = 24
_PARTS = HOURS
_SHARE = 20.0
"""The sums of a large studio take a while: they are made again after so many times that while."""
_LEAST_SECONDS = 0.2


class Standing(Struct, frozen=True):
    """What is always in sight."""

    idle: int = 0
    busy: int = 0
    paused: int = 0
    queued: int = 0
    failed: int = 0
    """In the last hour."""
    pending: int = 0


class Sums(Struct, frozen=True):
    """What the overview shows of the queue, and when it was made."""

    counts: dict[JobState, int]
    statistics: Statistics
    made: float
    """On the studio's wall clock."""


class Figures:
    """Sums over the queue, kept for a moment."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._lock = asyncio.Lock()
        self._sums: Sums | None = None
        self._until = 0.0

    async def sums(self) -> Sums:
        """The sums, at most some seconds old."""
        async with self._lock:
            clock = asyncio.get_running_loop().time
            begun = clock()
            if self._sums is None or begun >= self._until:
                jobs, wall = self._studio.jobs, self._studio.clocks.wall()
                counts = dict(await jobs.counts())
                until = wall + 1.0  # what ends now is in it
                found = await jobs.statistics(until - HOURS * 3600.0, until, _PARTS)
                self._sums = Sums(counts, found, wall)
                self._until = clock() + max((clock() - begun) * _SHARE, _LEAST_SECONDS)
            return self._sums

    async def standing(self) -> Standing:
        """What is always in sight. Costs the number of workers that are connected."""
        sums = await self.sums()
        busy = paused = 0
        sessions = [each for each in self._studio.fleet.sessions.values() if each.ready]
        for session in sessions:
            if session.held or session.current_job_id is not None:
                busy += 1
            elif not session.capabilities.auto_enabled:
                paused += 1
        pending = await self._studio.registrations.pending(None, 100)
        return Standing(
            idle=len(sessions) - busy - paused,
            busy=busy,
            paused=paused,
            queued=sums.counts.get(JobState.QUEUED, 0),
            failed=sums.statistics.ended[-1].failed,
            pending=len(pending),
        )
