"""What an engine process can be in, what can happen to it, and what is to be done then.

:mod:`.machine` says which follows which.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from studio_worker_core.config import Limits
from studio_worker_core.lanes.outcomes import Outcome


class StopAsked(Struct, frozen=True):
    """A running job was asked to stop; ``outcome`` is what it will be reported as."""

    at: float
    outcome: Outcome


class Loading(Struct, frozen=True):
    job_id: str
    since: float
    load_only: bool = False


class Idle(Struct, frozen=True):
    since: float


class Running(Struct, frozen=True):
    job_id: str
    since: float
    sign: float
    """When the engine last gave a sign of life."""
    asked: StopAsked | None = None


class Effect(Enum):
    """What the driver of a lane has to do; the last three each push its process harder to go."""

    SEND_JOB = "send job"
    SEND_CANCEL = "send cancel"
    SEND_QUIT = "send quit"
    TERMINATE = "terminate"
    KILL = "kill"


class Ending(Struct, frozen=True):
    """Waiting for the process to go. ``outcome`` None means: the cause of its death."""

    job_id: str | None
    outcome: Outcome | None
    since: float
    """When it was last pushed harder."""
    push: Effect
    """How hard; ``SEND_QUIT`` also when there was nobody left to be told."""
    otherwise: str = ""
    """What was wrong, should the process have to be forced."""


class LaneEnded(Struct, frozen=True):
    pass


State = Loading | Idle | Running | Ending | LaneEnded


class _Event(Struct, frozen=True):
    at: float
    """When it happened, in seconds that never go back."""


class Begin(_Event, frozen=True):
    job_id: str


class EngineLoaded(_Event, frozen=True):
    pass


class Sign(_Event, frozen=True):
    """Progress or a log line."""


class EngineAnswered(_Event, frozen=True):
    """The engine answered. ``job_id`` None: loading failed."""

    job_id: str | None
    outcome: Outcome


class CancelAsked(_Event, frozen=True):
    pass


class EndAsked(_Event, frozen=True):
    """Unload, evict, or shut down."""


class Broken(_Event, frozen=True):
    """The channel is unusable. ``closed``: it ended, perhaps because the process did."""

    reason: str
    closed: bool = False


class Exited(_Event, frozen=True):
    cause: str


class Measured(_Event, frozen=True):
    """Time passed; what the job uses now."""

    limits: Limits
    memory_gb: float = 0.0
    output_mb: float = 0.0


Event = (
    Begin
    | EngineLoaded
    | Sign
    | EngineAnswered
    | CancelAsked
    | EndAsked
    | Broken
    | Exited
    | Measured
)


class ReportOutcome(Struct, frozen=True):
    """Tell the caller how its job ended."""

    job_id: str
    outcome: Outcome
