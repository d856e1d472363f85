"""The words of a lane's life: its states, what happens to it, and what is to be done.

:mod:`.lane_states` says how they follow each other.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from studio_worker_core.config import Limits
from studio_worker_core.engines.outcomes import Outcome

__all__ = [
    "Answered",
    "Asked",
    "Begin",
    "Broken",
    "CancelAsked",
    "Effect",
    "Effects",
    "EndAsked",
    "Ended",
    "Ending",
    "Event",
    "Exited",
    "Force",
    "Idle",
    "Loaded",
    "Loading",
    "Measured",
    "Report",
    "Running",
    "Sign",
    "State",
]


class Asked(Struct, frozen=True):
    """A running job was asked to stop; ``outcome`` is what it will be reported as."""

    at: float
    outcome: Outcome


class Loading(Struct, frozen=True):
    job_id: str
    since: float


class Idle(Struct, frozen=True):
    since: float


class Running(Struct, frozen=True):
    job_id: str
    since: float
    sign: float
    """When the engine last gave a sign of life."""
    asked: Asked | None = None


class Force(Enum):
    """How hard an ending lane has been pushed."""

    ASKED = 0
    TERMINATED = 1
    KILLED = 2


class Ending(Struct, frozen=True):
    """Waiting for the process to go. ``outcome`` None means: the cause of its death."""

    job_id: str | None
    outcome: Outcome | None
    since: float
    """When it was last pushed harder."""
    force: Force
    otherwise: str = ""
    """What was wrong, should the process have to be forced."""


class Ended(Struct, frozen=True):
    pass


State = Loading | Idle | Running | Ending | Ended


class Begin(Struct, frozen=True):
    job_id: str


class Loaded(Struct, frozen=True):
    pass


class Sign(Struct, frozen=True):
    """Progress or a log line."""


class Answered(Struct, frozen=True):
    """The engine answered. ``job_id`` None: loading failed."""

    job_id: str | None
    outcome: Outcome


class CancelAsked(Struct, frozen=True):
    pass


class EndAsked(Struct, frozen=True):
    """Unload, evict, or shut down."""


class Broken(Struct, frozen=True):
    """The channel is unusable. ``closed``: it ended, perhaps because the process did."""

    reason: str
    closed: bool = False


class Exited(Struct, frozen=True):
    cause: str


class Measured(Struct, frozen=True):
    """Time passed; what the job uses now."""

    limits: Limits
    memory_gb: float = 0.0
    output_mb: float = 0.0


Event = Begin | Loaded | Sign | Answered | CancelAsked | EndAsked | Broken | Exited | Measured


class Effect(Enum):
    """What the driver of a lane has to do."""

    SEND_JOB = "send job"
    SEND_CANCEL = "send cancel"
    SEND_QUIT = "send quit"
    TERMINATE = "terminate"
    KILL = "kill"


class Report(Struct, frozen=True):
    """Tell the caller how its job ended."""

    job_id: str
    outcome: Outcome


Effects = tuple[Effect | Report, ...]
