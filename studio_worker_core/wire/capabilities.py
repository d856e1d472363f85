"""What a worker says it can do (protocol §2, capabilities)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from studio_worker_core.wire.bounds import Extension, Gigabytes, MimeType, Name, Slug
from studio_worker_core.wire.tasks import TaskKind

FEATURES = ("cancel", "meta", "progress", "resume")
"""The protocol extensions this worker understands (protocol §3.1)."""

_Models = Annotated[list[Name], Meta(max_length=10_000)]


class EngineInfo(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One engine of the roster, as shown to the studio."""

    name: Slug
    version: Name
    kinds: list[TaskKind]


class Capabilities(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Sent in the register request, in ``hello`` and in every ``heartbeat``.

    Memory is in gigabytes; ``vram_total_gb`` is 0 when unknown. ``user_presence`` is left
    out while unknown. ``extensions``, ``engines``, ``features`` and ``traits`` are ours and
    optional: an older studio ignores them. Kinds and a presence that are not known here are
    dropped on reading (:mod:`.lenient`).
    """

    machine_name: Name
    username: Name
    agent_version: Name
    engine: Name
    vram_total_gb: Gigabytes
    vram_threshold_gb: Gigabytes
    auto_enabled: bool
    auto_start: bool
    supported_models: _Models
    task_kinds: list[TaskKind]
    supported_models_per_kind: dict[TaskKind, _Models]
    auto_update: bool | None = None
    start_minimised: bool | None = None
    only_when_idle: bool | None = None
    user_presence: Literal["idle", "active"] | None = None
    extensions: dict[Extension, MimeType] | None = None
    model_engines: list[Name] | None = None
    """The engines an offer may carry; None from an older worker."""
    engines: list[EngineInfo] | None = None
    features: list[Name] | None = None
    traits: dict[Name, Any] | None = None
