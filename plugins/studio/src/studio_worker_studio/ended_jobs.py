"""What became of jobs since this studio started, as numbers that only grow."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.clocks import Clocks
from studio_worker_studio.store.records import JobRecord, JobState

SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
"""Upper bounds that durations are counted under, in seconds."""


@dataclass
class Durations:
    """How long jobs of a kind took from their claim to their result."""

    under: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    """How many lie between a bound and the one before it; the last is for longer ones."""
    total: float = 0.0
    """All of them together, in seconds."""


class EndedJobs:
    """Counts; one number for each kind and way to end. For the event loop's thread."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self.times: dict[tuple[TaskKind, JobState], int] = {}
        """How many jobs of a kind ended so."""
        self.durations: dict[TaskKind, Durations] = {}
        """Of those that are done."""

    def note(self, job: JobRecord, state: JobState) -> None:
        """A job is in ``state`` now; one in which it has not ended is passed over."""
        if state in (JobState.QUEUED, JobState.CLAIMED):
            return
        key = (job.kind, state)
        self.times[key] = self.times.get(key, 0) + 1
        if state is JobState.DONE and job.claimed_at is not None:
            # Both by the clock of the wall, which may be set back meanwhile.
            seconds = max(self._clocks.wall() - job.claimed_at, 0.0)
            known = self.durations.setdefault(job.kind, Durations())
            known.under[bisect_left(SECONDS, seconds)] += 1
            known.total += seconds
