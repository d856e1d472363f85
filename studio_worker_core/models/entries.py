"""One model of a registry: the studio's and the worker's have the same shape (protocol §6)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from studio_worker_core.wire.bounds import Gigabytes, Name
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import TaskKind


class CatalogueEntry(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A model: what to call it, what it needs and where it comes from.

    ``kind`` is absent for a model of every kind. ``origin`` is ours: an entry a person wrote
    (``local``) is never changed by what a studio offers.
    """

    id: Annotated[str, Meta(min_length=1, max_length=512)]
    source: ModelSource
    display_name: Name = ""
    kind: TaskKind | None = None
    vram_gb_estimate: Gigabytes = 0.0
    enabled: bool = True
    description: Annotated[str, Meta(max_length=4096)] | None = None
    exclusive_group: Annotated[str, Meta(max_length=512)] | None = None
    """At most one model of a group is in memory."""
    origin: Literal["seed", "studio", "local"] = "local"
