"""What kinds of work and states are called, and the sign beside the word."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.store.records import JobState


class KindWords(Struct, frozen=True):
    """What people call a kind of work."""

    label: str
    icon: str


KINDS: Mapping[TaskKind, KindWords] = {
    TaskKind.IMAGE: KindWords("Picture", "image"),
    TaskKind.VIDEO: KindWords("Video", "video"),
    TaskKind.AUDIO_TTS: KindWords("Speech", "audio"),
    TaskKind.AUDIO_STT: KindWords("Transcript", "mic"),
    TaskKind.LLM: KindWords("Chat", "chat"),
    TaskKind.MESH: KindWords("3D model", "mesh"),
}
"""In the order in which they are offered."""


class Sign(Struct, frozen=True):
    """A state as it is shown: never by its colour alone."""

    word: str
    tone: str
    icon: str


SIGNS: Mapping[str, Sign] = {
    JobState.QUEUED: Sign("Queued", "idle", "clock"),
    JobState.CLAIMED: Sign("Running", "busy", "play"),
    JobState.DONE: Sign("Done", "good", "check"),
    JobState.FAILED: Sign("Failed", "bad", "alert"),
    JobState.CANCELLED: Sign("Cancelled", "idle", "stop"),
    "idle": Sign("Idle", "good", "check"),
    "busy": Sign("Working", "busy", "play"),
    "paused": Sign("Paused", "warn", "pause"),
    "offline": Sign("Away", "bad", "alert"),
}
"""Of jobs and of workers."""
