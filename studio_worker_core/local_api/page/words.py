"""What the parameters of tasks are called in forms, and what is said about them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from studio_worker_core.wire.tasks import TaskKind


class KindWords(Struct, frozen=True):
    """What people call a kind of work."""

    label: str
    icon: str
    verb: str
    """What the button says."""


KINDS: Mapping[TaskKind, KindWords] = {
    TaskKind.IMAGE: KindWords("Picture", "image", "Make the picture"),
    TaskKind.VIDEO: KindWords("Video", "video", "Make the video"),
    TaskKind.AUDIO_TTS: KindWords("Speech", "audio", "Speak it"),
    TaskKind.AUDIO_STT: KindWords("Transcript", "mic", "Transcribe it"),
    TaskKind.LLM: KindWords("Chat", "chat", "Send"),
    TaskKind.MESH: KindWords("3D model", "mesh", "Make the model"),
}
"""In the order in which they are offered."""


class Words(Struct, frozen=True):
    """One parameter: its label, what helps to fill it in, and its unit."""

    label: str
    help: str = ""
    unit: str = ""
    long: bool = False
    """Whether it is a text of several lines."""
    plain: bool = False
    """Whether most jobs want it: the others are folded."""
    code: str = ""
    """What it is called in files and commands, where that is shown."""


_WORDS: Mapping[str, Words] = {
    "cfg_scale": Words("Guidance", "How closely the picture follows the prompt."),
    "chat_template_kwargs": Words("Template variables", "A JSON object.", long=True),
    "denoise": Words("Change", "0 keeps the picture given, 1 ignores it."),
    "ext": Words("File type", plain=True),
    "fps": Words("Frames a second", unit="fps"),
    "height": Words("Height", unit="px", plain=True),
    "json_schema": Words("JSON schema", "The answer will have this shape.", long=True),
    "language": Words("Language", "A code such as en or de; empty to leave it to the engine."),
    "max_tokens": Words("Longest answer", unit="tokens"),
    "negative_prompt": Words("Leave out", "What should not be seen.", long=True),
    "prompt": Words("Prompt", "What should be seen.", long=True, plain=True),
    "reasoning": Words("Reasoning", "JSON, as the model's engine takes it.", long=True),
    "sampling_method": Words("Sampler", "A name that the engine knows."),
    "seconds": Words("Length", unit="s", plain=True),
    "seed": Words("Seed", "The same seed gives the same again; empty draws one."),
    "speed": Words("Speed", "1 is the voice's own pace.", unit="×", plain=True),
    "steps": Words("Steps", "More take longer."),
    "stop": Words("Stop at", "One text a line; the answer ends before it.", long=True),
    "system": Words("Instructions", "What the model should be and do.", long=True),
    "temperature": Words("Temperature", "0 is the most certain answer."),
    "text": Words("Text", "What should be said.", long=True, plain=True),
    "timestamps": Words("Time stamps"),
    "top_p": Words("Top-p"),
    "translate": Words("Translate into English"),
    "vad": Words("Skip silence"),
    "voice": Words("Voice", "A name that the engine knows.", plain=True),
    "width": Words("Width", unit="px", plain=True),
}
_OF_KIND: Mapping[tuple[TaskKind, str], Words] = {
    (TaskKind.AUDIO_STT, "prompt"): Words("Hints", "Names and words to expect.", long=True),
    (TaskKind.AUDIO_STT, "language"): Words("Language", "A code such as en or de.", plain=True),
}

INPUTS: Mapping[str, Words] = {
    "image": Words("Picture", "What to build.", plain=True),
    "init_image": Words("Start from a picture", "The result is made out of it."),
    "input": Words("Recording", "What was said.", plain=True),
    "mask": Words("Mask", "White is painted, black is kept. Needs a picture to start from."),
    "ref_image": Words("Look at a picture", "Something the result should be like."),
}


def words_of(kind: TaskKind, name: str) -> Words:
    """The words of a task's parameter; of one that nobody wrote words for, its name."""
    found = _OF_KIND.get((kind, name)) or _WORDS.get(name)
    return found or Words(humanised(name))


def humanised(name: str) -> str:
    """A name of the code (``max_turns``, ``maxTurns``) as words."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").capitalize()
