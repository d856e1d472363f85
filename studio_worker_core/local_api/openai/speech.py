"""``/v1/audio/speech``: a text and a voice into a task, and which type it comes back as."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from studio_worker_core.local_api.errors import BadRequest

FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
PCM_RATE = 24_000
"""Samples a second of ``pcm``: 16 bits, little-endian, one channel, no header."""

WELL_KNOWN_VOICES = frozenset(
    {
        *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable"),
        *("marin", "nova", "onyx", "sage", "shimmer", "verse"),
    }
)
"""Names that clients hard-code; without an alias each is the engine's own voice."""

_PLAIN = ("mp3", "wav", "flac", "opus", "ogg")


class SpeechRequest(Struct, frozen=True):
    """The body of ``/v1/audio/speech``. ``language`` and ``options`` are ours."""

    input: Annotated[str, Meta(min_length=1, max_length=200_000)]
    model: str | None = None
    voice: str | dict[str, Any] | None = None
    response_format: str | None = None
    speed: Annotated[float, Meta(ge=0.25, le=4)] | None = None
    instructions: str | None = None
    stream_format: Literal["audio", "sse"] = "audio"
    language: str | None = None
    options: dict[str, Any] | None = None


def voice_of(request: SpeechRequest, aliases: Mapping[str, str]) -> str:
    """The engine's name of the voice. Raises :class:`BadRequest`."""
    voice = request.voice
    if isinstance(voice, dict):
        voice = voice.get("id")
        if not isinstance(voice, str):
            raise BadRequest("voice must be a name, or an object with an id", param="voice")
    voice = voice or "default"
    if voice in aliases:
        return aliases[voice]
    return "default" if voice.lower() in WELL_KNOWN_VOICES else voice


def speech_extension(request: SpeechRequest, written: Collection[str]) -> str:
    """The type to ask the engine for, of those it writes; ``pcm`` is made from ``wav``.

    Without a wish it is mp3, or what the engine has that plays everywhere.

    Raises:
        BadRequest: the engine does not write it.
    """
    wanted = (request.response_format or "").lower()
    if not wanted:
        return next((ext for ext in _PLAIN if ext in written), "wav")
    if wanted not in FORMATS:
        raise BadRequest(
            f"response_format must be one of {', '.join(FORMATS)}", param="response_format"
        )
    if wanted == "pcm":
        wanted = "wav"
    if wanted not in written:
        known = ", ".join(ext for ext in FORMATS if ext in written or ext == "pcm")
        raise BadRequest(
            f"this model's engine does not write {wanted}; it writes {known}",
            param="response_format",
        )
    return wanted


def speech_fields(
    request: SpeechRequest, written: Collection[str], voices: Mapping[str, str]
) -> dict[str, Any]:
    """The task's parameters that the request gives, named as in Python."""
    fields: dict[str, Any] = {
        "text": request.input,
        "voice": voice_of(request, voices),
        "speed": request.speed,
        "language": request.language,
        "options": request.options,
        "ext": speech_extension(request, written),
    }
    return {name: value for name, value in fields.items() if value is not None}
