"""What the host asks of this plugin. Light: the libraries load in the engine's process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from studio_worker_core.plugin import EngineSpec, HostInfo, TaskKind, hookimpl
from studio_worker_video import __version__

studio_worker_api = (1, 1)


@hookimpl
def studio_worker_engines(host: HostInfo) -> Sequence[EngineSpec]:  # noqa: ARG001 - the hook's
    """``motion``."""
    return [
        EngineSpec(
            name="motion",
            models={TaskKind.VIDEO: ["motion"]},
            factory="studio_worker_video.engine:MotionEngine",
            version=__version__,
            summary="camera moves over a picture, or animated scenes from the words of a prompt",
            parameters={
                "prompt": "its words choose the camera move, or the scene, colours and speed",
                "negativePrompt": "its words rule scenes, palettes and colours out",
                "initImageUrl": "the camera pans and zooms over this picture",
                "seconds": "exact, up to 60 (STUDIO_WORKER_MAX_SECONDS raises it)",
                "fps": "up to 60; 24 when absent, 20 for GIF, which has 50 at most",
                "width, height": "16 to 2048 pixels each (STUDIO_WORKER_MAX_SIDE raises it)",
                "ext": "mp4 (H.264), webm (VP9), gif, webp (animated)",
            },
        )
    ]


@hookimpl
def studio_worker_extensions() -> Mapping[str, str]:
    """The formats the engine writes."""
    return {
        "mp4": "video/mp4",
        "webm": "video/webm",
        "gif": "image/gif",
        "webp": "image/webp",
    }
