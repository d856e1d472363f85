"""How a result was made: what the host knows, and what the engine reported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from studio_worker_core import __version__
from studio_worker_core.lanes.request import LaneRequest
from studio_worker_core.plugin import Task
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.tasks import ImageTask, MeshTask, VideoTask

_REPORTABLE = ("seed", "steps", "width", "height")


def generation_meta(
    request: LaneRequest, reported: Mapping[str, Any], seconds: float
) -> GenerationMeta:
    """The meta of a finished job; without a usable report, what its task asked for."""
    spec = request.entry.spec
    known: dict[str, Any] = {
        "engine": request.entry.engine,
        "engineVersion": spec.version if spec is not None else None,
        "model": request.model.name[:512],
        "seconds": round(max(seconds, 0.0), 3),
        "agentVersion": __version__,
        **_asked_for(request.task),
    }
    said = {name: reported[name] for name in _REPORTABLE if name in reported}
    try:
        return msgspec.convert(known | said, GenerationMeta)
    except msgspec.ValidationError:  # an engine that wrote to the channel by itself
        return msgspec.convert(known, GenerationMeta)


def _asked_for(task: Task) -> dict[str, Any]:
    match task:
        case ImageTask():
            return {name: getattr(task, name) for name in _REPORTABLE}
        case VideoTask():
            return {"width": task.width, "height": task.height}
        case MeshTask():
            return {"seed": task.seed}
    return {}
