"""What servers send in place of a file: pages, answers in JSON, pointers to large files."""

from __future__ import annotations

import re

import msgspec

PAGE_HEAD_BYTES = 64 << 10
"""Bytes from the start of a file that telling a page may need."""

_MARKUP = re.compile(
    rb"(?:<!--.{0,4000}?-->\s*)*<(?:!doctype\s+html|html|head|body|title|script|\?xml|error)\b",
    re.IGNORECASE | re.DOTALL,
)
_POINTER = b"version https://git-lfs.github.com/spec/"


def page_in(head: bytes) -> str | None:
    """What ``head``, the first bytes of a file, is the start of if it is no file at all:
    "a web page", "a pointer of git LFS" or "an answer in JSON"; None otherwise.

    JSON is only told when ``head`` is the whole file.
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(_POINTER):
        return "a pointer of git LFS"
    if _MARKUP.match(text[:8192]) or _MARKUP.match(text[:8192].replace(b"\0", b"")):
        return "a web page"
    if text[:1] in (b"{", b"[") and len(head) < PAGE_HEAD_BYTES and _is_json(text):
        return "an answer in JSON"
    return None


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return True
