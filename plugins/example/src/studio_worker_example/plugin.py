"""What the worker asks of this plugin. Light: Pillow loads in the engine's own process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from studio_worker_core.plugin import EngineSpec, TaskKind, hookimpl
from studio_worker_example import __version__

studio_worker_api = (1, 1)
"""The versions of the plugin API this was written for: the oldest and the newest."""


@hookimpl
def studio_worker_engines() -> Sequence[EngineSpec]:
    """One engine with two models."""
    return [
        EngineSpec(
            name="hills",
            models={TaskKind.IMAGE: ["hills", "hills-night"]},
            factory="studio_worker_example.engine:HillsEngine",
            version=__version__,
            summary="Misty hills at any hour of the day",
            licence="MIT",
            parameters={
                "prompt": "dawn, noon, dusk or night chooses the light",
                "seed": "another seed, other hills",
                "width, height": "up to 4096 pixels a side",
                "ext": "png, webp",
            },
        )
    ]


@hookimpl
def studio_worker_extensions() -> Mapping[str, str]:
    """Every file type the engine writes: extension → MIME type."""
    return {"png": "image/png", "webp": "image/webp"}
