"""What is kept of a job, as it stands in the journal."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from studio_worker_core.wire.log_levels import LevelWord
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import Task

MOST_LINES = 400
"""Log lines kept of a job, the newest."""
LONGEST_LINE = 2000
"""Characters."""
LONGEST_PROMPT = 4000
"""Characters among the facts; the whole is in the recipe."""
LONGEST_RECIPE = 256 * 1024
"""Bytes; a longer one is not kept."""

Status = Literal["running", "completed", "failed", "stopped"]
"""``stopped``: somebody cancelled it, or the worker's stop handed it back."""


class JobFacts(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One job. Times in seconds since 1970."""

    number: int
    """Its place: larger is later. Also where a page of older jobs begins."""
    job_id: str
    source: str
    """``studio`` or ``local``."""
    kind: str
    engine: str
    model: str
    prompt: str = ""
    status: Status = "running"
    reason: str | None = None
    """Why it failed or was stopped."""
    accepted: float = 0.0
    started: float | None = None
    finished: float | None = None
    engine_version: str | None = None
    worker_version: str | None = None
    seed: int | None = None
    """The one that was used, drawn or given."""
    steps: int | None = None
    width: int | None = None
    height: int | None = None
    engine_seconds: float | None = None
    """What the engine took, the loading of a model included."""
    peak_bytes: int | None = None
    """The most memory that the engine's process held."""
    ext: str | None = None
    bytes: int | None = None
    """Size of the result."""
    sha256: str | None = None
    """Of the result, in hex."""
    file: str | None = None
    """Where the result was last; it may have gone."""
    inputs: dict[str, str] = {}
    """SHA-256 in hex of each input, by its name."""
    has_thumbnail: bool = False
    delivery: Literal["delivered", "refused", "lost"] | None = None
    """What became of a studio's result."""
    delivery_reason: str | None = None
    lines: int = 0
    """How many lines it logged; the newest are kept."""


class Recipe(Struct, frozen=True, rename="camel"):
    """What makes the job again: without credentials, and with a digest in place of ``data:``
    URLs."""

    task: Task
    model_source: ModelSource


class Capsule(Struct, frozen=True):
    """A job by itself, outside of its journal."""

    version: int
    facts: JobFacts
    recipe: Recipe | None


class LogLine(Struct, frozen=True):
    """``ts`` in seconds since 1970; ``target`` is the logger."""

    ts: float
    level: LevelWord
    target: str
    message: str


class JobLog(Struct, frozen=True):
    """The newest lines of a job, the oldest of them first."""

    lines: list[LogLine]
    dropped: int = 0
    """How many are not there."""


class JobQuery(Struct, frozen=True, kw_only=True):
    """Which jobs, newest first."""

    source: str | None = None
    status: Status | None = None
    text: str = ""
    """In the id, the model or the prompt."""
    before: int | None = None
    """Only jobs older than that number."""
    limit: int = 50


EVERY_JOB = JobQuery()

# Made at import: two threads that are the first to decode a type end the process (msgspec 0.22).
_decode_facts = msgspec.json.Decoder(JobFacts).decode
recipe_of = msgspec.json.Decoder(Recipe).decode
plain_of: Any = msgspec.json.Decoder().decode


def facts_of(data: bytes) -> JobFacts | None:
    """What was kept; None for what this version does not understand."""
    try:
        return _decode_facts(data)
    except (msgspec.MsgspecError, TypeError):  # another version's, or another program's
        return None
