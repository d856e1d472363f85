"""The models a fresh catalogue knows: those that need no files at all."""

from __future__ import annotations

from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import TaskKind

__all__ = ["seeded_entries"]

# model, engine, kind (None: every kind), name shown
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


def seeded_entries() -> list[CatalogueEntry]:
    """The first content of a catalogue."""
    return [
        CatalogueEntry(
            id=model,
            display_name=name,
            kind=kind,
            source=ModelSource(engine=engine),
            origin="seed",
        )
        for model, engine, kind, name in _FIRST_PARTY
    ]
