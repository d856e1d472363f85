"""Where a model comes from: the ``modelSource`` of a claim (protocol §3, claim)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from studio_worker_core.wire.bounds import MAX_SIDE, Name, Sha256, Slug, Url

KNOWN_ENGINES = frozenset(
    {"sd-cpp", "llama-cpp", "onnx", "parakeet", "onnx-vision", "torch", "synthetic"}
)
"""The names that existing studios and workers know (protocol §2, modelEngines)."""


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
    """The model's own defaults, used where the task does not say.

    A studio always writes the first four, 0 where the model has none: 0 reads as None.
    """

    cfg_scale: float | None = None
    steps: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    width: Annotated[int, Meta(ge=0, le=MAX_SIDE)] | None = None
    height: Annotated[int, Meta(ge=0, le=MAX_SIDE)] | None = None
    sampling_method: Name | None = None
    flow_shift: float | None = None
    zero_cond_t: bool | None = None
    offload_to_cpu: bool | None = None
    mmap: bool | None = None
    context_size: Annotated[int, Meta(ge=1)] | None = None
    chat_template_kwargs: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        for name in ("cfg_scale", "steps", "width", "height"):
            if getattr(self, name) == 0:
                msgspec.structs.force_setattr(self, name, None)


class ModelSource(Struct, frozen=True, rename="camel"):
    """The engine that serves a model, its files and its defaults; all are always written."""

    engine: Slug
    files: Annotated[list[ModelFile], Meta(max_length=256)] = field(default_factory=list)
    cli_defaults: CliDefaults = field(default_factory=CliDefaults)
