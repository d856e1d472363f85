"""What belongs to this project, by name: extras, engines, and the models that need no files.

The host treats its own plugins like anybody's; only words for people and the first content of
a catalogue know them.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from studio_worker_core.wire.tasks import TaskKind

PROJECTS = frozenset({"core", "image", "llm", "studio", "synthetic", "tts", "video"})
"""``studio-worker-<name>`` is ours, or would be taken for ours."""

EXTRA_OF_ENGINE: Mapping[str, str] = {
    "coqui": "coqui",
    "diffusers": "diffusers",
    "espeak": "tts",
    "formant": "tts",
    "llama-cpp": "llm",
    "motion": "video",
    "procedural": "image",
    "sd-cpp": "sd-cpp",
}
"""Engine → the extra of studio-worker that installs it."""


class FirstPartyModel(Struct, frozen=True):
    """A model that an engine of ours serves without any file; ``kind`` None: every kind."""

    model: str
    engine: str
    kind: TaskKind | None
    display_name: str


MODELS = (
    FirstPartyModel("synthetic", "synthetic", None, "Synthetic, every kind"),
    FirstPartyModel("synthetic-image", "synthetic", TaskKind.IMAGE, "Synthetic picture"),
    FirstPartyModel("synthetic-llm", "synthetic", TaskKind.LLM, "Synthetic chat"),
    FirstPartyModel("synthetic-stt", "synthetic", TaskKind.AUDIO_STT, "Synthetic transcript"),
    FirstPartyModel("synthetic-tts", "synthetic", TaskKind.AUDIO_TTS, "Synthetic speech"),
    FirstPartyModel("synthetic-video", "synthetic", TaskKind.VIDEO, "Synthetic clip"),
    FirstPartyModel("procedural", "procedural", TaskKind.IMAGE, "Procedural picture"),
    FirstPartyModel("espeak-ng", "espeak", TaskKind.AUDIO_TTS, "eSpeak NG voices"),
    FirstPartyModel("formant-synth", "formant", TaskKind.AUDIO_TTS, "Formant synthesiser"),
    FirstPartyModel("motion", "motion", TaskKind.VIDEO, "Motion"),
)
