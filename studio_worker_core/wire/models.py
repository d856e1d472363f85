"""Where a model comes from: the ``modelSource`` of a claim (protocol §3, claim)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from studio_worker_core.wire.bounds import Name, Sha256, Side, Slug, Url

__all__ = ["CliDefaults", "ModelFile", "ModelSource"]


class ModelFile(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One file to download. ``filename`` must be a plain name; the store checks it.

    ``role`` is one of ``diffusion-model``, ``text-encoder``, ``text-encoder-vision``, ``vae``,
    ``lora``, ``model``; other roles are open to third-party engines.
    """

    role: Slug
    url: Url
    filename: Annotated[str, Meta(min_length=1, max_length=255)]
    approx_bytes: Annotated[int, Meta(ge=0)] | None = None
    sha256: Sha256 | None = None


class CliDefaults(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The model's own defaults, used where the task does not say."""

    cfg_scale: float | None = None
    steps: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    width: Side | None = None
    height: Side | None = None
    sampling_method: Name | None = None
    flow_shift: float | None = None
    zero_cond_t: bool | None = None
    offload_to_cpu: bool | None = None
    context_size: Annotated[int, Meta(ge=1)] | None = None
    chat_template_kwargs: dict[str, Any] | None = None


class ModelSource(Struct, frozen=True, rename="camel"):
    """The engine that serves a model, its files and its defaults; all are always written."""

    engine: Slug
    files: Annotated[list[ModelFile], Meta(max_length=256)] = field(default_factory=list)
    cli_defaults: CliDefaults = field(default_factory=CliDefaults)
