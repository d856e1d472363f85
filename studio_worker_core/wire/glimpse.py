"""What a frame is about, read from text that no JSON reader takes (protocol §3, claim)."""

from __future__ import annotations

import json
import re

from msgspec import Struct

_PART = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', re.DOTALL)
_ROOT = ""


class Glimpse(Struct, frozen=True):
    """As much of a frame as could be made out."""

    frame_type: str | None = None
    job_id: str | None = None
    """As it came, whatever its length and characters."""


def glimpse(text: str) -> Glimpse:
    """The ``type`` of a frame and the ``jobId`` of it or of its ``claim``.

    Goes over the text once and holds no more of its nesting than a counter, so depth, numbers
    of any length, halves of surrogate pairs, ``NaN`` and a missing end are no obstacle.
    """
    found: dict[tuple[str, str], str] = {}
    depth, place, key, last = 0, _ROOT, None, None
    for match in _PART.finditer(text):
        part = match[0]
        if part[0] == '"':
            if key is not None and (depth == 1 or (depth == 2 and place)):
                found[place, key] = _text(part)
                key = None
            last = part
            continue
        if part in "{[":
            depth += 1
            is_claim = depth == 2 and part == "{" and key == "claim"
            place = "claim" if is_claim else place if depth > 2 else _ROOT
        elif part in "}]":
            depth -= 1
            place = place if depth > 1 else _ROOT
        key = _text(last) if part == ":" and last is not None and _is_open(depth, place) else None
        last = None
    job_id = found.get(("claim", "jobId")) or found.get((_ROOT, "jobId"))
    return Glimpse(found.get((_ROOT, "type")), job_id or None)


def _is_open(depth: int, place: str) -> bool:
    return depth == 1 or (depth == 2 and place == "claim")


def _text(literal: str) -> str:
    try:
        return str(json.loads(literal, strict=False))
    except ValueError:
        return literal[1:-1]
