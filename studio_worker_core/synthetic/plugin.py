"""The plugin module of the built-in engine; the same hooks as everyone else's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from studio_worker_core import __version__
from studio_worker_core.plugin import EngineSpec, TaskKind, hookimpl


@hookimpl
def studio_worker_engines() -> Sequence[EngineSpec]:
    """One engine for all five kinds."""
    return [
        EngineSpec(
            name="synthetic",
            version=__version__,
            models={
                TaskKind.IMAGE: ["synthetic", "synthetic-image"],
                TaskKind.LLM: ["synthetic", "synthetic-llm"],
                TaskKind.AUDIO_STT: ["synthetic", "synthetic-stt"],
                TaskKind.AUDIO_TTS: ["synthetic", "synthetic-tts"],
                TaskKind.VIDEO: ["synthetic", "synthetic-video"],
            },
            factory="studio_worker_core.synthetic.engine:SyntheticEngine",
            summary="Placeholder results of every kind, drawn from the prompt and the seed",
            licence="MIT",
            parameters={
                "ext": "image: png, webp, jpg, jpeg; video: webp; audio_tts: wav",
                "seed": "0 to 2⁶⁴-1, each another picture; absent or below 0: drawn, and told",
                "width, height": "any up to 4096 pixels a side (video: 1024)",
                "maskUrl": "image: with initImageUrl; only white areas change",
                "seconds": "video: up to 60 s",
                "speed": "audio_tts: 0.25 to 4",
                "timestamps": "audio_stt: segment or word",
            },
        )
    ]


@hookimpl
def studio_worker_extensions() -> Mapping[str, str]:
    """Everything Pillow and the standard library write for us."""
    return {
        "jpeg": "image/jpeg",
        "jpg": "image/jpeg",
        "png": "image/png",
        "wav": "audio/wav",
        "webp": "image/webp",
    }
