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


MESSAGE = "messages"
"""The parameter that a form asks for as the one thing that is said."""
PICTURES = "images"
"""The parameter that a form asks for as one picture."""


class Words(Struct, frozen=True):
    """One parameter: its label, what helps to fill it in, and its unit."""

    label: str
    help: str = ""
    unit: str = ""
    long: bool = False
    """Whether it is a text of several lines."""
    plain: bool = False
    """Whether most jobs want it: the others are folded."""


_WORDS: Mapping[str, Words] = {
    "cfg_scale": Words("Guidance", "How closely the picture follows the prompt."),
    "chat_template_kwargs": Words("Template variables", "A JSON object.", long=True),
    "denoise": Words("Change", "0 keeps the picture given, 1 ignores it."),
    "ext": Words("File type", plain=True),
    "fps": Words("Frames a second", unit="fps"),
    "height": Words("Height", unit="px", plain=True),
    "image_url": Words("Picture", "What to build.", plain=True),
    "images": Words("Picture", "One that the model should look at."),
    "init_image_url": Words("Start from a picture", "The result is made out of it."),
    "input_url": Words(
        "Address of the recording", "Workers fetch it: an https address.", plain=True
    ),
    "json_schema": Words("JSON schema", "The answer will have this shape.", long=True),
    "language": Words("Language", "A code such as en or de; empty to leave it to the engine."),
    "mask_url": Words("Mask", "White is painted, black is kept. Needs a picture to start from."),
    "max_tokens": Words("Longest answer", unit="tokens"),
    "messages": Words("Message", long=True, plain=True),
    "negative_prompt": Words("Leave out", "What should not be seen.", long=True),
    "prompt": Words("Prompt", "What should be seen.", long=True, plain=True),
    "reasoning": Words("Reasoning", "JSON, as the model's engine takes it.", long=True),
    "ref_image_url": Words("Look at a picture", "Something the result should be like."),
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
}


def words_of(kind: TaskKind, name: str) -> Words:
    """The words of a task's parameter; of one that nobody wrote words for, its name."""
    found = _OF_KIND.get((kind, name)) or _WORDS.get(name)
    return found or Words(name.replace("_", " ").capitalize())
