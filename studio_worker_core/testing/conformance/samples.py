"""The tasks the kit asks for: small, long, absurd and odd ones of every kind."""

from __future__ import annotations

import math
import sys
import wave
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from studio_worker_core.seeds import MAX_SEED
from studio_worker_core.testing.conformance.subject import parameters_for
from studio_worker_core.wire.bounds import MAX_SIDE
from studio_worker_core.wire.tasks import (
    AudioSttTask,
    AudioTtsTask,
    ChatMessage,
    ImageTask,
    LlmTask,
    MeshTask,
    Task,
    TaskKind,
    VideoTask,
)

_PROMPT = "a lighthouse on a cliff at dusk, painted in blue and gold"
_TEXT = "The studio asked for one short sentence."
_SENTENCE = "This sentence is one of very many that are spoken one after the other. "
_PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "YPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
_AUDIO = "file:///conformance/input.wav"

_SMALL: Mapping[TaskKind, Task] = {
    TaskKind.IMAGE: ImageTask(prompt=_PROMPT, width=128, height=64, steps=4, seed=7),
    TaskKind.VIDEO: VideoTask(prompt=_PROMPT, seconds=1.0, fps=8.0, width=128, height=64),
    TaskKind.AUDIO_TTS: AudioTtsTask(text=_TEXT),
    TaskKind.AUDIO_STT: AudioSttTask(input_url=_AUDIO),
    TaskKind.LLM: LlmTask(messages=[ChatMessage("user", "Say hello.")], max_tokens=32),
    TaskKind.MESH: MeshTask(image_url=_PICTURE, seed=7),
}


class Trial(Struct, frozen=True):
    """A task with parameters worth a try, and what is special about it."""

    what: str
    task: Task
    audio: bytes | None = None
    """The content of the audio input instead of a proper one."""


def small_task(kind: TaskKind, parameters: Mapping[str, Any]) -> Task:
    """A task that any engine of its kind does soon."""
    task = _SMALL[kind]
    return replace(task, **parameters_for(type(task), parameters))


def long_tasks(task: Task) -> Iterator[Task]:
    """Tasks that last as long as an engine lets them, the longest first."""
    match task:
        case ImageTask():
            for side in (2048, 1024, 512):
                yield replace(task, width=side, height=side, steps=max(task.steps, 100))
        case VideoTask():
            for side, seconds in ((1024, 60.0), (512, 20.0), (256, 10.0), (128, 5.0)):
                yield replace(task, width=side, height=side, seconds=seconds, fps=24.0)
        case AudioTtsTask():
            for count in (270, 60, 10):
                yield replace(task, text=_SENTENCE * count)
        case LlmTask():
            for tokens in (100_000, 4000):
                yield replace(task, max_tokens=tokens)
        case AudioSttTask():
            yield task


def absurd_trials(task: Task) -> Iterator[Trial]:
    """Parameters that no engine can serve and that each has to refuse."""
    match task:
        case ImageTask():
            size = f"{MAX_SIDE}×{MAX_SIDE} pixels"
            yield Trial(size, replace(task, width=MAX_SIDE, height=MAX_SIDE))
        case VideoTask():
            size = f"{MAX_SIDE}×{MAX_SIDE} pixels"
            yield Trial(size, replace(task, width=MAX_SIDE, height=MAX_SIDE))
            yield Trial("a clip of a whole day", replace(task, seconds=86_400.0))
        case AudioTtsTask():
            yield Trial("an empty text", replace(task, text=""))
            yield Trial("a text of blanks", replace(task, text=" \n\t "))
        case LlmTask():
            yield Trial("no messages", replace(task, messages=[]))
        case AudioSttTask():
            yield Trial("audio that is no audio", task, audio=b"RIFF\x10\0\0\0WAVEjunk" * 8)


def odd_trials(task: Task) -> Iterator[Trial]:
    """Parameters an engine may serve or refuse, but must not break on."""
    match task:
        case ImageTask():
            yield Trial("an empty prompt", replace(task, prompt=""))
            yield Trial("1×1 pixels", replace(task, width=1, height=1))
            yield Trial("odd sides", replace(task, width=127, height=61))
            yield Trial("the largest seed", replace(task, seed=MAX_SEED))
            yield Trial("a negative seed", replace(task, seed=-(2**63)))
            yield Trial("an unknown sampler", replace(task, sampling_method="no-such-sampler"))
            yield Trial("a prompt of emoji", replace(task, prompt="🦊🌲\u202e\0", cfg_scale=100.0))
            yield Trial("a prompt of 4000 words", replace(task, prompt="word " * 4000))
        case VideoTask():
            yield Trial("an empty prompt", replace(task, prompt=""))
            yield Trial("odd sides", replace(task, width=127, height=61))
            yield Trial("1×1 pixels", replace(task, width=1, height=1))
            yield Trial("a hundredth of a second", replace(task, seconds=0.01))
            yield Trial("1000 frames a second", replace(task, seconds=0.2, fps=1000.0))
        case AudioTtsTask():
            yield Trial("punctuation alone", replace(task, text="…?! —"))
            yield Trial("emoji and control characters", replace(task, text="🦊 \0\x1b\u202e ok"))
            yield Trial("a voice nobody has", replace(task, voice="no-such-voice"))
            yield Trial("a language nobody speaks", replace(task, language="xx-nowhere"))
            yield Trial("a hundred times the speed", replace(task, speed=100.0))
            yield Trial("a thousandth of the speed", replace(task, speed=0.001))
        case LlmTask():
            yield Trial("an empty message", replace(task, messages=[ChatMessage("user", "")]))
            yield Trial("an unknown role", replace(task, messages=[ChatMessage("owl", "hoo")]))
            yield Trial("one token", replace(task, max_tokens=1))
            yield Trial("a schema of nonsense", replace(task, json_schema={"type": "nonsense"}))
        case AudioSttTask():
            yield Trial("a language nobody speaks", replace(task, language="xx-nowhere"))
            yield Trial("times for each word", replace(task, timestamps="word"))
            yield Trial("no sound at all", task, audio=b"")


def write_tone(path: Path, seconds: float) -> None:
    """Write a mono WAV at 16 kHz with a tone that swells and fades four times a second."""
    rate = 16_000
    samples = array("h")
    for number in range(int(rate * seconds)):
        moment = number / rate
        loudness = 9000 * math.sin(math.pi * 4 * moment) ** 2
        samples.append(int(loudness * math.sin(2 * math.pi * 220 * moment)))
    if sys.byteorder == "big":
        samples.byteswap()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
