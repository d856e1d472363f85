"""What a job asks for: the ``task`` of a claim (protocol §3, task parameters)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from studio_worker_core.wire.bounds import Extension, Name, Prompt, Seconds, Side, Url

__all__ = [
    "BINARY_KINDS",
    "AudioSttTask",
    "AudioTtsTask",
    "ChatMessage",
    "ImageTask",
    "LlmTask",
    "Task",
    "TaskKind",
    "VideoTask",
    "full_prompt",
    "task_kind",
]


class TaskKind(StrEnum):
    """The five kinds of work on the wire."""

    IMAGE = "image"
    LLM = "llm"
    AUDIO_STT = "audio_stt"
    AUDIO_TTS = "audio_tts"
    VIDEO = "video"


BINARY_KINDS = frozenset({TaskKind.IMAGE, TaskKind.AUDIO_TTS, TaskKind.VIDEO})
"""Kinds whose result is a file for ``/complete``; the others answer with JSON."""


class _Task(Struct, frozen=True, rename="camel", omit_defaults=True, tag_field="kind"):
    pass


class ImageTask(_Task, frozen=True, tag="image"):
    """A picture. Sides in pixels; ``denoise`` 0 keeps the init image, 1 ignores it."""

    prompt: Prompt
    negative_prompt: Prompt | None = None
    init_image_url: Url | None = None
    mask_url: Url | None = None
    ref_image_url: Url | None = None
    denoise: Annotated[float, Meta(ge=0, le=1)] | None = None
    cfg_scale: Annotated[float, Meta(ge=0, le=100)] | None = None
    sampling_method: Name | None = None
    width: Side = 512
    height: Side = 512
    steps: Annotated[int, Meta(ge=1, le=10_000)] = 20
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    ext: Extension = "webp"


class ChatMessage(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One turn of a conversation."""

    role: Annotated[str, Meta(min_length=1, max_length=64)]
    content: Prompt


class LlmTask(_Task, frozen=True, tag="llm"):
    """A chat completion."""

    messages: Annotated[list[ChatMessage], Meta(max_length=10_000)]
    system: Prompt | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] = 512
    temperature: Annotated[float, Meta(ge=0, le=100)] = 0.7
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    stop: Annotated[list[Name], Meta(max_length=64)] | Name | None = None
    json_schema: Any = None
    reasoning: Any = None
    chat_template_kwargs: dict[str, Any] | None = None


class AudioSttTask(_Task, frozen=True, tag="audio_stt"):
    """A transcription of the audio behind ``input_url``."""

    input_url: Url
    language: Name | None = None
    translate: bool | None = None
    prompt: Prompt | None = None
    vad: bool | None = None
    timestamps: Literal["segment", "word"] | None = None


class AudioTtsTask(_Task, frozen=True, tag="audio_tts"):
    """Speech. ``speed`` is a factor, 1 is the voice's own pace."""

    text: Prompt
    voice: Name = "default"
    speed: Annotated[float, Meta(gt=0, le=100)] | None = None
    language: Name | None = None
    ext: Extension = "wav"


class VideoTask(_Task, frozen=True, tag="video"):
    """A clip. ``seconds`` long, sides in pixels, ``fps`` frames a second."""

    prompt: Prompt
    negative_prompt: Prompt | None = None
    init_image_url: Url | None = None
    seconds: Seconds = 2.0
    fps: Annotated[float, Meta(gt=0, le=1000)] | None = None
    width: Side = 512
    height: Side = 512
    ext: Extension = "mp4"


Task = ImageTask | LlmTask | AudioSttTask | AudioTtsTask | VideoTask

_KINDS: dict[type[Struct], TaskKind] = {
    ImageTask: TaskKind.IMAGE,
    LlmTask: TaskKind.LLM,
    AudioSttTask: TaskKind.AUDIO_STT,
    AudioTtsTask: TaskKind.AUDIO_TTS,
    VideoTask: TaskKind.VIDEO,
}


def task_kind(task: Task) -> TaskKind:
    """The wire kind of a task."""
    return _KINDS[type(task)]


def full_prompt(task: Task) -> str:
    """The ``prompt`` that goes with a result, never truncated (protocol §4)."""
    match task:
        case ImageTask() | VideoTask():
            return task.prompt
        case AudioTtsTask():
            return task.text
        case AudioSttTask():
            return task.input_url
        case LlmTask():
            return "\n".join(f"{m.role}: {m.content}" for m in task.messages)
