"""Inputs that a studio puts into the URL itself (RFC 2397)."""

from __future__ import annotations

import base64
import binascii
import re

from studio_worker_core.errors import InvalidTask
from studio_worker_core.storage.disk import shown_bytes

_HEAD = re.compile(r"data:(?:image|audio)/[A-Za-z0-9.+-]+(?:;[^;,]*)*;base64", re.IGNORECASE)

_LONGEST_HEAD = 200
# What base64 may have escaped; a general decoder takes seconds for millions of others.
_ESCAPES = tuple(
    (f"%{ord(char):02{form}}".encode(), char.encode()) for char in "+/=\r\n " for form in "Xx"
)


def is_data_url(url: str) -> bool:
    return url[:5].lower() == "data:"


def bytes_of(url: str, what: str, most: int) -> bytes:
    """The bytes in a base64 ``data:`` URL of an image or of audio.

    Raises:
        InvalidTask: it is not base64, says it is something else, or holds more than ``most``
            bytes (0: no limit).
    """
    head, comma, text = url.partition(",")
    if not comma or len(head) > _LONGEST_HEAD or _HEAD.fullmatch(head) is None:
        raise InvalidTask(
            f"{what} is a data: URL that is neither an image nor audio in base64 "
            f"(it starts with {head[:60]!r})"
        )
    data = text.encode("ascii", "replace")
    if b"%" in data:
        for escaped, plain in _ESCAPES:
            data = data.replace(escaped, plain)
    data = data.translate(None, b" \t\r\n")
    if most and len(data) // 4 * 3 > most + 2:
        raise InvalidTask(f"{what} is a data: URL of more than {shown_bytes(most)}")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidTask(f"{what} is a data: URL with broken base64: {error}") from None
