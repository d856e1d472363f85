"""How a job on a lane ended, and the error that says so."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from studio_worker_core.errors import (
    EngineFailed,
    InvalidTask,
    JobCancelled,
    JobError,
    JobTimedOut,
)
from studio_worker_core.lanes.protocol import Done, Failed
from studio_worker_core.redaction import without_secrets

Fault = Literal["invalid", "engine", "cancelled", "timeout"]


class Faulted(Struct, frozen=True):
    """The job failed; ``message`` continues a sentence that began with the engine's name."""

    fault: Fault
    message: str
    crash: bool = False
    """Counts towards taking the engine out of service."""
    broken: bool = False
    """The process lives but is not to be trusted with another job."""


class ModelLoaded(Struct, frozen=True):
    """Nothing was asked but to load the model, and it is loaded."""


Outcome = Done | ModelLoaded | Faulted
"""What the engine said it made is still to be judged."""

CANCELLED = Faulted("cancelled", "cancelled")


def faulted(failed: Failed) -> Faulted:
    """What the engine process said went wrong."""
    if failed.because == "crash":
        return Faulted("engine", failed.message, broken=True)
    return Faulted(failed.because, failed.message)


def crashed(message: str) -> Faulted:
    """The process is gone, or no use, and it counts."""
    return Faulted("engine", message, crash=True)


def error_of(faulted: Faulted, engine: str) -> JobError:
    """The error a caller sees."""
    said = without_secrets(faulted.message)  # engines say what they were given
    match faulted.fault:
        case "invalid":
            return InvalidTask(said)
        case "cancelled":
            return JobCancelled(said)
        case "timeout":
            return JobTimedOut(f"engine '{engine}': {said}")
        case "engine":
            return EngineFailed(f"engine '{engine}': {said}")
