"""How a job on a lane ended, and the error that says so."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct

from studio_worker_core.errors import (
    EngineFailed,
    InvalidTask,
    JobCancelled,
    JobError,
    JobTimedOut,
)

__all__ = ["Completed", "Fault", "Faulted", "Outcome", "error_of"]

Fault = Literal["invalid", "engine", "cancelled", "timeout"]


class Completed(Struct, frozen=True):
    """The engine is done; its claim is still to be checked."""

    file: Path | None = None
    answer: Path | None = None


class Faulted(Struct, frozen=True):
    """The job failed; ``message`` continues a sentence that began with the engine's name."""

    fault: Fault
    message: str
    crash: bool = False
    """Counts towards taking the engine out of service."""
    broken: bool = False
    """The process lives but is not to be trusted with another job."""


Outcome = Completed | Faulted


def error_of(faulted: Faulted, engine: str) -> JobError:
    """The error a caller sees."""
    match faulted.fault:
        case "invalid":
            return InvalidTask(faulted.message)
        case "cancelled":
            return JobCancelled(faulted.message)
        case "timeout":
            return JobTimedOut(f"engine '{engine}': {faulted.message}")
        case "engine":
            return EngineFailed(f"engine '{engine}': {faulted.message}")
