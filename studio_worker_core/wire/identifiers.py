"""Ids that can be used: as a part of an address, and in a line of text (protocol §2, §3)."""

from __future__ import annotations

_NO_PATHS = (".", "..", "/")


def unusable_id(text: str) -> str | None:
    """Why ``text`` cannot be the id of a job, a worker or a request; None when it can."""
    if not text.strip():
        return "it is empty"
    if text in _NO_PATHS:
        return f"{text!r} cannot be a part of an address"
    if any(ord(char) < 32 or 127 <= ord(char) < 160 for char in text):
        return "it has control characters"
    if any(0xD800 <= ord(char) <= 0xDFFF for char in text):
        return "it is no valid text (half a surrogate pair)"
    return None


def unusable_token(text: str) -> str | None:
    """Why ``text`` cannot be a bearer token; None when it can. It is not repeated."""
    if not text:
        return "it is empty"
    if text in _NO_PATHS or not all("!" <= char <= "~" for char in text):
        return "it has characters that cannot be sent"
    return None
