"""What the host asks of this plugin. Light: numpy and Pillow load in the engine's process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from studio_worker_core.plugin import EngineSpec, HostInfo, TaskKind, hookimpl
from studio_worker_image import __version__
from studio_worker_image.model_engines import model_engines
from studio_worker_image.words import FAMILIES

studio_worker_api = (1, 1)

EXTENSIONS: Mapping[str, str] = {
    "png": "image/png",
    "webp": "image/webp",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "avif": "image/avif",
}
"""What the engines of this plugin write: extension → MIME type."""


@hookimpl
def studio_worker_engines(host: HostInfo) -> Sequence[EngineSpec]:  # noqa: ARG001 - the hook's
    """The engine ``procedural`` with a model for each pattern family, and the engines for real
    models whose libraries are installed."""
    return [
        EngineSpec(
            name="procedural",
            models={
                TaskKind.IMAGE: ["procedural", *(f"procedural-{family}" for family in FAMILIES)]
            },
            factory="studio_worker_image.engine:ProceduralEngine",
            version=__version__,
            summary="pictures drawn by mathematics from the prompt and the seed",
            parameters={
                "prompt": "its words choose the pattern, the palette and the mood",
                "negativePrompt": "its words rule patterns, palettes and colours out",
                "width, height": "16 to 4096 pixels each (STUDIO_WORKER_MAX_SIDE)",
                "steps": "fineness of detail: 1 is coarse, 20 normal, 100 and more the finest",
                "seed": "0 to 2⁶⁴-1, each another picture; absent or below 0: drawn, and told",
                "initImageUrl, denoise": "repaints the picture; 0 keeps it, 1 ignores it (0.6)",
                "maskUrl": "with initImageUrl: only white areas change",
                "refImageUrl": "its colours become the palette",
                "cfgScale, samplingMethod": "not used",
                "ext": "png, webp, jpg, jpeg, avif",
            },
        ),
        *model_engines(),
    ]


@hookimpl
def studio_worker_extensions() -> Mapping[str, str]:
    """The formats the engines write."""
    return EXTENSIONS
