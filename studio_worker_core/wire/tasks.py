"""What a job asks for: the ``task`` of a claim (protocol §3, task parameters)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from studio_worker_core.wire.bounds import (
    MAX_INLINE_INPUT,
    Extension,
    Name,
    Prompt,
    Seconds,
    Side,
)


class TaskKind(StrEnum):
    """The kinds of work on the wire."""

    IMAGE = "image"
    LLM = "llm"
    AUDIO_STT = "audio_stt"
    AUDIO_TTS = "audio_tts"
    VIDEO = "video"
    MESH = "mesh"


BINARY_KINDS = frozenset({TaskKind.IMAGE, TaskKind.AUDIO_TTS, TaskKind.VIDEO, TaskKind.MESH})
"""Kinds whose result is a file for ``/complete``; the others answer with JSON."""


MAX_SEED = 2**64 - 1

MOST_TOOLS = 128
"""Functions that a chat may offer, and calls in one turn."""

_Seed = Annotated[int, Meta(ge=-(2**63))]
"""0 to 2⁶⁴−1; below 0 asks the engine to draw one."""

_InlineInput = Annotated[str, Meta(min_length=1, max_length=MAX_INLINE_INPUT)]


class _Task(
    Struct, frozen=True, rename="camel", omit_defaults=True, tag_field="kind", kw_only=True
):
    options: Annotated[dict[Name, Any], Meta(max_length=100)] | None = None
    """Parameters that only the engine of the job has, by their names."""


class ImageTask(_Task, frozen=True, tag="image"):
    """A picture. Sides in pixels; ``denoise`` 0 keeps the init image, 1 ignores it."""

    prompt: Prompt
    negative_prompt: Prompt | None = None
    init_image_url: _InlineInput | None = None
    mask_url: _InlineInput | None = None
    ref_image_url: _InlineInput | None = None
    denoise: Annotated[float, Meta(ge=0, le=1)] | None = None
    cfg_scale: Annotated[float, Meta(ge=0, le=100)] | None = None
    sampling_method: Name | None = None
    width: Side = 512
    height: Side = 512
    steps: Annotated[int, Meta(ge=1, le=10_000)] = 20
    seed: _Seed | None = None
    ext: Extension = "webp"

    def __post_init__(self) -> None:
        _check_seed(self.seed)


class ChatMessage(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One turn of a conversation."""

    role: Annotated[str, Meta(min_length=1, max_length=64)]
    content: Prompt
    tool_calls: Annotated[list[dict[str, Any]], Meta(max_length=MOST_TOOLS)] | None = None
    """What the assistant called in this turn, as in OpenAI's API."""
    tool_call_id: Name | None = None
    """Of the role ``tool``: which call this answers."""


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
    images: Annotated[list[_InlineInput], Meta(max_length=16)] | None = None
    """Addresses or ``data:`` URLs, read in order with the last user message."""
    tools: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=MOST_TOOLS)] | None = None
    """Functions the model may call, as in OpenAI's API; for engines that say so
    (:attr:`.EngineSpec.chat`)."""
    tool_choice: str | dict[str, Any] | None = None
    """``auto``, ``none``, ``required``, or the one function to be called."""
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    """Asks for the log probability of each token of the answer, and of so many others in its
    place; for engines that say so."""


class AudioSttTask(_Task, frozen=True, tag="audio_stt"):
    """A transcription of the audio behind ``input_url``, an address or a ``data:`` URL."""

    input_url: _InlineInput
    language: Name | None = None
    translate: bool | None = None
    prompt: Prompt | None = None
    vad: bool | None = None
    timestamps: Name | None = None
    """``segment`` or ``word``; an engine says so about any other word."""


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
    init_image_url: _InlineInput | None = None
    seconds: Seconds = 2.0
    fps: Annotated[float, Meta(gt=0, le=1000)] | None = None
    width: Side = 512
    height: Side = 512
    ext: Extension = "mp4"


class MeshTask(_Task, frozen=True, tag="mesh"):
    """A 3D model from one picture: an address or a ``data:`` URL."""

    image_url: _InlineInput
    seed: _Seed | None = None
    ext: Extension = "glb"

    def __post_init__(self) -> None:
        _check_seed(self.seed)


Task = ImageTask | LlmTask | AudioSttTask | AudioTtsTask | VideoTask | MeshTask

TASKS: Mapping[TaskKind, type[Task]] = {
    TaskKind.IMAGE: ImageTask,
    TaskKind.LLM: LlmTask,
    TaskKind.AUDIO_STT: AudioSttTask,
    TaskKind.AUDIO_TTS: AudioTtsTask,
    TaskKind.VIDEO: VideoTask,
    TaskKind.MESH: MeshTask,
}
"""The task of each kind."""

_KINDS = {task: kind for kind, task in TASKS.items()}


def task_kind(task: Task) -> TaskKind:
    """The wire kind of a task."""
    return _KINDS[type(task)]


TIMESTAMPS = ("segment", "word")
"""What the ``timestamps`` of a transcription may say."""


def unknown_word(task: Task) -> tuple[str, str] | None:
    """The parameter of a task with a word that is none of the protocol's, and what is wrong with
    it. Whoever types one is told; a worker leaves the word of an offer to the engine (§3)."""
    match task:
        case AudioSttTask(timestamps=str(word)) if word not in TIMESTAMPS:
            return "timestamps", f"{word[:80]!r} is none of {', '.join(TIMESTAMPS)}"
        case _:
            return None


def full_prompt(task: Task) -> str:
    """The ``prompt`` that goes with a result, never truncated (protocol §4)."""
    match task:
        case ImageTask() | VideoTask():
            return task.prompt
        case AudioTtsTask():
            return task.text
        case AudioSttTask():
            return task.input_url
        case MeshTask():
            return ""  # its picture may be a whole data: URL
        case LlmTask():
            return "\n".join(f"{m.role}: {m.content}" for m in task.messages)


def _check_seed(seed: int | None) -> None:
    # A Meta bound has to fit 63 bits.
    if seed is not None and seed > MAX_SEED:
        raise ValueError(f"seed must be at most {MAX_SEED}")
