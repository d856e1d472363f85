"""Names that are safe as one path component on every platform."""

from __future__ import annotations

import hashlib
import re

from studio_worker_core.errors import SourceRefused

_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"}
)
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u200b-\u200f\u2028-\u202e\u2066-\u2069]')
_SIDE_FILES = (".part", ".part.json", ".lock")
_LONGEST = 200


def plain_file_name(name: str) -> str:
    """``name`` if it is a plain file name, the same on Linux, macOS and Windows.

    Raises:
        SourceRefused: it has a separator, a control or reserved character, starts with a
            dot, ends with a dot or space, is a device name, is too long, or ends like one of
            the store's own files.
    """
    reason = _reason_against(name)
    if reason is not None:
        raise SourceRefused(f"file name {name[:100]!r} is refused: {reason}", what=name[:100])
    return name


def _reason_against(name: str) -> str | None:
    if not name:
        return "it is empty"
    if len(name.encode("utf-8", "surrogatepass")) > _LONGEST:
        return f"it is longer than {_LONGEST} bytes"
    if any("\ud800" <= char <= "\udfff" for char in name):
        return "it is not valid Unicode"
    if found := _FORBIDDEN.search(name):
        return f"{found.group()!r} must not be in it; only a name without a directory is allowed"
    if name.startswith((".", " ")):
        return "it starts with a dot or a space"
    if name.endswith((".", " ")):
        return "it ends with a dot or a space"
    if name.split(".", 1)[0].rstrip(" ").lower() in _RESERVED:
        return "it is the name of a device on Windows"
    if name.lower().endswith(_SIDE_FILES):
        return "that ending belongs to unfinished downloads"
    return None


def model_directory(model: str) -> str:
    """The directory name of a model id: itself where it is a safe name, else a cleaned form
    with a digest, so that two ids never share a directory."""
    is_plain = re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,79}", model) is not None
    if is_plain and _reason_against(model) is None and not model.endswith(".json"):
        return model
    cleaned = re.sub(r"[^a-z0-9._-]+", "-", model.lower()).strip("-._ ")[:60].rstrip("-._ ")
    digest = hashlib.sha256(model.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{cleaned or 'model'}--{digest}"
