"""The models a new studio knows: those of the first-party engines."""

from __future__ import annotations

from collections.abc import Iterator

from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.store.records import ModelRecord

__all__ = ["first_party_models"]

# model, engine, kind, name shown
_FIRST_PARTY: tuple[tuple[str, str, TaskKind | None, str], ...] = (
    ("synthetic", "synthetic", None, "Synthetic, every kind"),
    ("synthetic-image", "synthetic", TaskKind.IMAGE, "Synthetic picture"),
    ("synthetic-llm", "synthetic", TaskKind.LLM, "Synthetic chat"),
    ("synthetic-stt", "synthetic", TaskKind.AUDIO_STT, "Synthetic transcript"),
    ("synthetic-tts", "synthetic", TaskKind.AUDIO_TTS, "Synthetic speech"),
    ("synthetic-video", "synthetic", TaskKind.VIDEO, "Synthetic clip"),
    ("procedural", "procedural", TaskKind.IMAGE, "Procedural picture"),
    ("espeak-ng", "espeak", TaskKind.AUDIO_TTS, "eSpeak NG voices"),
    ("formant-synth", "formant", TaskKind.AUDIO_TTS, "Formant synthesiser"),
    ("motion", "motion", TaskKind.VIDEO, "Motion"),
)


def first_party_models() -> Iterator[ModelRecord]:
    """The registry's first content; none of these needs files or GPU memory."""
    for model, engine, kind, name in _FIRST_PARTY:
        yield ModelRecord(
            model_id=model,
            display_name=name,
            kind=kind,
            vram_gb=0.0,
            source=ModelSource(engine=engine),
        )
