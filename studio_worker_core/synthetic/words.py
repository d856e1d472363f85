"""Made-up words: chat answers and transcripts, and values that fit a JSON schema."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from typing import Any

_WORDS = (
    *("amber", "bridge", "cloud", "dawn", "ember", "forest", "garden", "harbour", "island"),
    *("jade", "kettle", "lantern", "meadow", "north", "orchard", "pebble", "quiet", "river"),
    *("stone", "timber", "under", "valley", "willow", "yellow", "zephyr"),
)

_WORDS_PER_SECOND = 2.5
_WORDS_PER_SEGMENT = 8
_DEEPEST = 16


def chat_completion(
    model: str, turns: Sequence[tuple[str, str]], max_tokens: int, stop: Sequence[str], schema: Any
) -> dict[str, Any]:
    """An answer in the shape of OpenAI's ``chat.completion``; a word counts as a token."""
    dice = _dice(model, *(f"{role}:{text}" for role, text in turns))
    asked = turns[-1][1] if turns else ""
    finish = "stop"
    if schema is not None:
        text = json.dumps(fitting_value(schema))
    else:
        picked = dice.choices(_WORDS, k=dice.randrange(12, 40))
        text = f"This is a synthetic answer to: {asked[:200]}. " + " ".join(picked) + "."
        words = text.split()
        if len(words) > max_tokens:
            text, finish = " ".join(words[:max_tokens]), "length"
        for end in stop:
            if end and end in text:
                text, finish = text.partition(end)[0], "stop"
    given = sum(len(content.split()) for _, content in turns)
    made = len(text.split())
    return {
        "id": f"chatcmpl-{dice.getrandbits(96):024x}",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": finish,
            }
        ],
        "usage": {
            "prompt_tokens": given,
            "completion_tokens": made,
            "total_tokens": given + made,
        },
    }


def transcript(
    audio: bytes, seconds: float, *, language: str, task: str, words_too: bool
) -> dict[str, Any]:
    """A transcript in the shape of Whisper's verbose JSON; times in seconds."""
    dice = _dice(hashlib.sha256(audio).hexdigest())
    count = max(int(seconds * _WORDS_PER_SECOND), 1)
    said = dice.choices(_WORDS, k=count)
    length = seconds / count
    segments = []
    for number, first in enumerate(range(0, count, _WORDS_PER_SEGMENT)):
        part = said[first : first + _WORDS_PER_SEGMENT]
        segments.append(
            {
                "id": number,
                "start": round(first * length, 3),
                "end": round((first + len(part)) * length, 3),
                "text": " ".join(part),
            }
        )
    answer: dict[str, Any] = {
        "task": task,
        "language": language,
        "duration": round(seconds, 3),
        "text": " ".join(said),
        "segments": segments,
    }
    if words_too:
        answer["words"] = [
            {
                "word": word,
                "start": round(number * length, 3),
                "end": round((number + 1) * length, 3),
            }
            for number, word in enumerate(said)
        ]
    return answer


def fitting_value(schema: Any, depth: int = 0) -> Any:
    """A value for a simple JSON schema: types, enums, constants, properties, items."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None
    inner = schema.get("schema")
    if "type" not in schema and isinstance(inner, dict):  # OpenAI's {"name", "schema"}
        return fitting_value(inner, depth + 1)
    if "const" in schema:
        return schema["const"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = kind[0] if kind else "null"
    if kind == "object":
        properties = schema.get("properties")
        found = properties.items() if isinstance(properties, dict) else ()
        return {str(name): fitting_value(part, depth + 1) for name, part in found}
    if kind == "array":
        return [fitting_value(schema.get("items"), depth + 1)]
    if kind in ("integer", "number"):
        least = schema.get("minimum", 0)
        return least if isinstance(least, int | float) else 0
    return {"boolean": True, "null": None}.get(str(kind), "synthetic")


def _dice(*parts: str) -> random.Random:
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return random.Random(digest)  # noqa: S311 - repeatable words, no secret
