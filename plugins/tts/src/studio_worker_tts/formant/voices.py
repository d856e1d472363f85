"""The synthesiser's voices."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from studio_worker_core.plugin import InvalidTask


class FormantVoice(Struct, frozen=True):
    """A speaker: pitch in hertz, and how much shorter than an adult's the vocal tract is."""

    pitch: float
    formant_scale: float = 1.0
    whispers: bool = False


_VOICES = {
    "default": FormantVoice(118.0),
    "low": FormantVoice(82.0, 0.92),
    "high": FormantVoice(205.0, 1.12),
    "child": FormantVoice(270.0, 1.25),
    "whisper": FormantVoice(118.0, whispers=True),
}


def voice_named(name: str, language: str | None) -> FormantVoice:
    """The voice of a task.

    Raises:
        InvalidTask: no such voice, or a language other than English.
    """
    if language is not None and not language.lower().startswith("en"):
        raise InvalidTask(f"formant-synth speaks English only, not {language[:40]!r}")
    voice = _VOICES.get(name.strip().lower() or "default")
    if voice is None:
        raise InvalidTask(f"formant-synth has no voice {name[:80]!r}; it has {', '.join(_VOICES)}")
    return voice


def raised(voice: FormantVoice, semitones: float) -> FormantVoice:
    """The same speaker, higher or lower."""
    return replace(voice, pitch=voice.pitch * 2 ** (semitones / 12))
