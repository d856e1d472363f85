"""What a lane is asked to do and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from studio_worker_core.engines.roster import RosterEntry
from studio_worker_core.plugin import Model, Task

__all__ = ["FileResult", "JsonResult", "LaneRequest", "OnLog", "OnProgress", "Result"]

OnProgress = Callable[[float, str | None], None]
"""Called with the fraction done (0 to 1, never backwards) and a message."""

OnLog = Callable[[str, str], None]
"""Called with a level (``debug``, ``info``, ``warning``, ``error``) and a line."""


class LaneRequest(Struct, frozen=True):
    """One job for a lane. All paths exist; the engine writes to ``directory`` only."""

    job_id: str
    entry: RosterEntry
    """The engine that does it; its state must be ``ready``."""
    model: Model
    task: Task
    inputs: Mapping[str, Path]
    """``init_image``, ``mask``, ``ref_image``, ``input`` → fetched file."""
    directory: Path
    """Where the result file goes."""
    scratch: Path
    """For temporary files; the caller removes it."""


class FileResult(Struct, frozen=True):
    """A finished file: not empty, a regular file in the job's directory."""

    path: Path
    ext: str
    """Its extension, lower case, without a dot; one the plugin declares."""


class JsonResult(Struct, frozen=True):
    """A finished JSON answer (llm, audio_stt)."""

    value: dict[str, Any]


Result = FileResult | JsonResult
