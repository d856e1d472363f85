"""Inputs that a studio puts into the URL itself (RFC 2397)."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from studio_worker_core.errors import InvalidTask

__all__ = ["bytes_of", "is_data_url"]

_HEAD = re.compile(r"data:(?:image|audio)/[A-Za-z0-9.+-]+(?:;[^;,]*)*;base64", re.IGNORECASE)


def is_data_url(url: str) -> bool:
    return url[:5].lower() == "data:"


def bytes_of(url: str, what: str) -> bytes:
    """The bytes in a base64 ``data:`` URL of an image or of audio.

    Raises:
        InvalidTask: it is not base64, or says it is something else.
    """
    head, comma, text = url.partition(",")
    if not comma or _HEAD.fullmatch(head) is None:
        raise InvalidTask(
            f"{what} is a data: URL that is neither an image nor audio in base64 "
            f"(it starts with {head[:60]!r})"
        )
    try:
        return base64.b64decode(b"".join(unquote_to_bytes(text).split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidTask(f"{what} is a data: URL with broken base64: {error}") from None
