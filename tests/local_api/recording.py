"""What the original worker answered (``recorded.json``), and whether another answer has its shape.

Texts, times, tokens and numbers are each worker's own; kinds of values, keys, codes and types of
content are not.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

_FILE = Path(__file__).with_name("recorded.json")
_WORDS = ("error", "outcome", "object", "role")
"""Keys whose values are words for programs."""
_BYTES = re.compile(r"<(\d+) bytes(?: (b'.*'))?>", re.DOTALL)


class Recorded(Struct, frozen=True, kw_only=True):
    """One request, and what came back."""

    request: str
    token: bool = True
    headers: dict[str, str] = {}
    body: Any = None
    status: int
    content_type: str
    answer: Any = None

    @property
    def method(self) -> str:
        return self.request.split(" ")[0]

    @property
    def path(self) -> str:
        return self.request.split(" ")[1]


def recorded() -> list[Recorded]:
    """All of them, in the order they were asked in."""
    return [msgspec.convert(each, Recorded) for each in json.loads(_FILE.read_text("utf-8"))]


def bytes_left_out(body: Any) -> int | None:
    """How many bytes a body had that was not kept; None for one that was."""
    found = _BYTES.fullmatch(body) if isinstance(body, str) else None
    return int(found.group(1)) if found else None


def complaints(known: Recorded, status: int, content_type: str, body: bytes) -> Iterator[str]:
    """What in an answer differs from what was recorded: ``status``, ``content_type``, or the
    place in the answer."""
    if status != known.status:
        yield f"status {status}"
        return
    if content_type.partition(";")[0] != known.content_type:
        yield f"content_type {content_type}"
        return
    if known.content_type == "application/json":
        yield from _differences(known.answer, json.loads(body), "answer")
    elif (found := _BYTES.fullmatch(str(known.answer))) is not None:
        start: bytes = ast.literal_eval(found.group(2))
        if body[:4] != start[:4]:
            yield f"answer begins with {body[:8]!r}"
    elif not body.strip():
        yield "answer is empty"


def _differences(known: Any, found: Any, place: str) -> Iterator[str]:
    """Ours may say more than was recorded, never less."""
    if isinstance(known, dict) and isinstance(found, dict):
        for key, value in known.items():
            if key not in found or (key in _WORDS and found[key] != value):
                yield f"{place}.{key}"
            else:
                yield from _differences(value, found[key], f"{place}.{key}")
    elif isinstance(known, list) and isinstance(found, list):
        if bool(known) != bool(found):
            yield place
        for each in found:
            if all(any(_differences(like, each, place)) for like in known):
                yield f"{place}[]"
    elif known is not None and _type(known) is not _type(found):
        yield place


def _type(value: Any) -> type:
    return float if type(value) is int else type(value)
