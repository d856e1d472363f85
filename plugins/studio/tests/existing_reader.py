"""What an existing worker makes of an offer: nothing is forgiven, and what it cannot read ends
its session. Written from the protocol (§3, "Written strictly" and the claim)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

__all__ = ["Unreadable", "read_offer"]

KINDS = ("image", "llm", "audio_stt", "audio_tts", "video", "mesh")
ENGINES = ("sd-cpp", "llama-cpp", "onnx", "parakeet", "onnx-vision", "torch", "synthetic")
ROLES = ("diffusion-model", "text-encoder", "text-encoder-vision", "vae", "lora", "model", "labels")

Check = Callable[[str, Any], None]
Shape = dict[str, tuple[bool, Check]]


class Unreadable(Exception):
    """The worker drops its connection; the message says where."""


def _no(place: str, value: Any, wanted: str) -> Unreadable:
    return Unreadable(f"{place}: {value!r} is no {wanted}")


def text(place: str, value: Any) -> None:
    if not isinstance(value, str):
        raise _no(place, value, "text")


def flag(place: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise _no(place, value, "boolean")


def number(place: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _no(place, value, "number")


def anything(place: str, value: Any) -> None:
    if value is None:
        raise _no(place, value, "value")


def unsigned(bits: int) -> Check:
    def check(place: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**bits:
            raise _no(place, value, f"unsigned integer of {bits} bits")

    return check


def one_of(*words: str) -> Check:
    def check(place: str, value: Any) -> None:
        if value not in words:
            raise _no(place, value, " or ".join(words))

    return check


def list_of(inner: Check) -> Check:
    def check(place: str, value: Any) -> None:
        if not isinstance(value, list):
            raise _no(place, value, "list")
        for index, item in enumerate(value):
            inner(f"{place}[{index}]", item)

    return check


def shape(fields: Shape) -> Check:
    """An object: required and optional keys, any others besides; no key is null."""

    def check(place: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise _no(place, value, "object")
        for key, (required, inner) in fields.items():
            if key in value:
                inner(f"{place}.{key}", value[key])
            elif required:
                raise Unreadable(f"{place}.{key} is missing")

    return check


def _shape(required: dict[str, Check], optional: dict[str, Check]) -> Check:
    must: Shape = {key: (True, check) for key, check in required.items()}
    return shape({**must, **{key: (False, check) for key, check in optional.items()}})


U32, U64 = unsigned(32), unsigned(64)
SIDES: dict[str, Check] = {"width": U32, "height": U32}
TASKS: dict[str, Check] = {
    "image": _shape(
        {"prompt": text},
        {
            **SIDES,
            **dict.fromkeys(("negativePrompt", "initImageUrl", "maskUrl", "refImageUrl"), text),
            "denoise": number,
            "cfgScale": number,
            "samplingMethod": text,
            "steps": U32,
            "seed": U64,
            "ext": text,
        },
    ),
    "llm": _shape(
        {"messages": list_of(_shape({"role": text, "content": text}, {}))},
        {
            "system": text,
            "maxTokens": U32,
            "temperature": number,
            "topP": number,
            "stop": list_of(text),
            "jsonSchema": anything,
            "reasoning": text,
            "chatTemplateKwargs": _shape({}, {}),
            "images": list_of(text),
        },
    ),
    "audio_stt": _shape(
        {"inputUrl": text},
        {
            "language": text,
            "translate": flag,
            "prompt": text,
            "vad": flag,
            "timestamps": one_of("segment", "word"),
        },
    ),
    "audio_tts": _shape(
        {"text": text}, {"voice": text, "speed": number, "language": text, "ext": text}
    ),
    "video": _shape(
        {"prompt": text},
        {
            **SIDES,
            "negativePrompt": text,
            "initImageUrl": text,
            "seconds": number,
            "fps": U32,
            "ext": text,
        },
    ),
    "mesh": _shape({"imageUrl": text}, {"seed": U64, "ext": text}),
}


def task(place: str, value: Any) -> None:
    kind = value.get("kind") if isinstance(value, dict) else None
    one_of(*KINDS)(f"{place}.kind", kind)
    TASKS[str(kind)](place, value)


CLI_DEFAULTS = _shape(
    {"cfgScale": number, "steps": U32, **SIDES},
    {
        "samplingMethod": text,
        "flowShift": number,
        "zeroCondT": flag,
        "offloadToCpu": flag,
        "mmap": flag,
        "maxVramGib": number,
        "loraWeight": number,
        "contextSize": U32,
        "chatTemplateKwargs": _shape({}, {}),
    },
)
FILE = _shape(
    {"role": one_of(*ROLES), "url": text, "filename": text}, {"approxBytes": U64, "sha256": text}
)
CLAIM = _shape(
    {
        **dict.fromkeys(("jobId", "gameId", "assetName", "model"), text),
        "vramGbEstimate": number,
        "task": task,
        "modelSource": _shape(
            {"engine": one_of(*ENGINES), "files": list_of(FILE), "cliDefaults": CLI_DEFAULTS}, {}
        ),
    },
    {},
)


def read_offer(frame: str) -> dict[str, Any]:
    """The claim of an ``offer`` frame. Raises :class:`Unreadable`."""
    found = json.loads(frame)
    one_of("offer")("type", found.get("type"))
    CLAIM("claim", found.get("claim"))
    claim: dict[str, Any] = found["claim"]
    return claim
