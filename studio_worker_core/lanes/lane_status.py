"""What is shown of a lane."""

from __future__ import annotations

from msgspec import Struct

from studio_worker_core.lanes.lane import Lane


class LaneStatus(Struct, frozen=True):
    """One warm or working lane, for ``status``."""

    engine: str
    model: str
    pid: int
    state: str
    """``loading``, ``running``, ``idle`` or ``ending``."""
    jobs_done: int
    memory_bytes: int
    pinned: bool = False
    """Whether it stays whatever else is asked for."""


def status_of(lane: Lane, *, pinned: bool) -> LaneStatus:
    """``lane`` as it is now; its memory is measured."""
    return LaneStatus(
        engine=lane.engine,
        model=lane.model.name,
        pid=lane.pid,
        state=type(lane.state).__name__.lower(),
        jobs_done=lane.jobs_done,
        memory_bytes=lane.memory_bytes(),
        pinned=pinned,
    )
