"""What an existing worker can read of an offer (protocol §3.1), and offers written so that
it can (protocol §3, claim)."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import msgspec
from msgspec import Struct

from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.frames import Claim
from studio_worker_core.wire.models import ModelSource

_EXISTING_ROLES = frozenset(
    {"diffusion-model", "text-encoder", "text-encoder-vision", "vae", "lora", "model"}
)


class Shape(IntEnum):
    """Who can read an offer of a job; its number is kept in the database."""

    EXISTING = 0
    """Every worker."""
    LABELS = 1
    """Also names the role ``labels``: a worker that knows the engine ``onnx-vision``."""
    OURS = 2
    """Names a role that is open to third-party engines."""


class StrictOffer(Struct, frozen=True, tag_field="type", tag="offer"):
    """An ``offer`` as it is written."""

    claim: dict[str, Any]


def shape_of(source: ModelSource) -> Shape:
    """The shape of a job's offer."""
    unknown = {file.role for file in source.files} - _EXISTING_ROLES
    if not unknown:
        return Shape.EXISTING
    return Shape.LABELS if unknown == {"labels"} else Shape.OURS


def shapes_read_by(capabilities: Capabilities) -> tuple[Shape, ...]:
    """The shapes a worker reads: one that sends no ``engines`` is an existing one."""
    if capabilities.engines is not None:
        return tuple(Shape)
    if "onnx-vision" in (capabilities.model_engines or ()):
        return (Shape.EXISTING, Shape.LABELS)
    return (Shape.EXISTING,)


def strict_offer(claim: Claim) -> StrictOffer:
    """The offer of a job. Existing workers have no default for the four numbers of
    ``cliDefaults`` and read integers, lists and texts only as such."""
    written: dict[str, Any] = msgspec.to_builtins(claim)
    defaults = written["modelSource"]["cliDefaults"]
    for name in ("cfgScale", "steps", "width", "height"):
        defaults.setdefault(name, 0)
    task = written["task"]
    if task.get("seed", 0) < 0:
        del task["seed"]  # absent asks for a drawn one too
    if "fps" in task:
        task["fps"] = max(1, round(task["fps"]))
    if isinstance(task.get("stop"), str):
        task["stop"] = [task["stop"]]
    if "reasoning" in task and not isinstance(task["reasoning"], str):
        task["reasoning"] = msgspec.json.encode(task["reasoning"]).decode()
    written.setdefault("vramGbEstimate", 0.0)
    return StrictOffer(written)
