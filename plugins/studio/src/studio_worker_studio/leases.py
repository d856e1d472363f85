"""Until when each claim stands. Kept on the clock that never jumps, in memory: after a start
of the studio every claim gets a while from then on (protocol §5)."""

from __future__ import annotations

from msgspec import Struct


class Lease(Struct):
    """One claim's. ``until`` is on the monotonic clock, in seconds."""

    worker_id: str
    claims: int
    until: float
    orphaned: bool = False
    """Its worker's session ended by itself: when it runs out, that was an attempt."""


class Leases:
    """All claims that stand, by job."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}

    def begin(self, job_id: str, worker_id: str, claims: int, until: float) -> None:
        """A claim was made, or its worker is back with it."""
        self._leases[job_id] = Lease(worker_id, claims, until)

    def vouch(self, job_id: str, claims: int, until: float) -> bool:
        """Somebody vouches for the job. False when that claim is over."""
        lease = self._leases.get(job_id)
        if lease is None or lease.claims != claims:
            return False
        lease.until = max(lease.until, until)
        return True

    def stands(self, job_id: str, claims: int) -> bool:
        """Whether that claim is not over."""
        lease = self._leases.get(job_id)
        return lease is not None and lease.claims == claims

    def orphan(self, job_id: str, until: float, *, by_itself: bool) -> None:
        """The session that held the job is over; its worker may come back until then."""
        lease = self._leases.get(job_id)
        if lease is not None:
            lease.until, lease.orphaned = until, by_itself

    def end(self, job_id: str, claims: int | None = None) -> None:
        """The claim is over; ``claims`` spares a newer one of the same job."""
        lease = self._leases.get(job_id)
        if lease is not None and (claims is None or lease.claims == claims):
            del self._leases[job_id]

    def of(self, worker_id: str) -> dict[str, Lease]:
        """The claims of one worker, by job."""
        return {job: lease for job, lease in self._leases.items() if lease.worker_id == worker_id}

    def expired(self, now: float) -> list[tuple[str, Lease]]:
        """The claims nobody vouched for in time."""
        return [(job, lease) for job, lease in self._leases.items() if lease.until < now]
