"""Which form a file name promises, and whether the bytes have it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from studio_worker_core.downloads.forms.gguf import check_gguf
from studio_worker_core.downloads.forms.onnx import check_onnx
from studio_worker_core.downloads.forms.pages import PAGE_HEAD_BYTES, page_in
from studio_worker_core.downloads.forms.reading import Checkpoint, FormFault, Reader
from studio_worker_core.downloads.forms.safetensors import check_safetensors

__all__ = ["Checkpoint", "fault_in"]

_MOST_STEPS = {"gguf": 3_000_000, "onnx": 200_000}
"""A vocabulary of a GGUF has a piece or two a token; an ONNX model a few at the top."""
_MOST_STEPS_ELSE = 1_000_000
_LONGEST_JSON = 64 << 20
_BESIDE_JSON = re.compile(
    r'("(?:\\.?|[^"\\])*+(?:"|\Z))|//[^\n]*+|/\*(?:.*?\*/|.*+)|,(?=\s*+[}\]])', re.DOTALL
)
"""Strings, which stay, and what is no JSON: comments and trailing commas."""
_TEXTS = frozenset({"txt", "md", "yaml", "yml", "toml", "csv", "jinja", "model", "vocab"})
_MARKUP = frozenset({"html", "htm", "xml", "svg"})
_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_JSON_TYPES = frozenset({"application/json", "application/problem+json"})
_CHECKS: dict[str, Callable[[Reader], None]] = {
    "safetensors": check_safetensors,
    "gguf": check_gguf,
    "onnx": check_onnx,
}


def fault_in(path: Path, name: str, check: Checkpoint, *, media_type: str = "") -> str | None:
    """Why the bytes at ``path`` cannot be the file ``name``, to follow its name in a
    sentence; None when they can. ``media_type`` is what the server called them.

    Raises:
        OSError: they cannot be read.
    """
    ending = name.rpartition(".")[2].lower()
    size = path.stat().st_size
    if size == 0:
        return "is empty"
    with path.open("rb") as file:
        head = file.read(PAGE_HEAD_BYTES)
        page = _page(head, media_type, ending)
        if page is not None:
            return (
                f"is {page}, probably an error page or a login, and not the file; does the "
                "address lead to the file itself?"
            )
        file.seek(0)
        reader = Reader(file, size, check, steps=_MOST_STEPS.get(ending, _MOST_STEPS_ELSE))
        try:
            _check(ending, reader, head)
        except FormFault as fault:
            return str(fault)
    return None


def _page(head: bytes, media_type: str, ending: str) -> str | None:
    found = page_in(head)
    if ending in _MARKUP:
        return found if found is not None and "LFS" in found else None
    if media_type in _PAGE_TYPES:
        return "a web page"
    if ending == "json" or (ending in _TEXTS and found == "an answer in JSON"):
        return None if found == "an answer in JSON" else found
    if media_type in _JSON_TYPES and ending not in _TEXTS:
        return "an answer in JSON"
    return found


def _check(ending: str, reader: Reader, head: bytes) -> None:
    if ending in _CHECKS:
        _CHECKS[ending](reader)
    elif ending == "json":
        _check_json(reader)
    elif ending in ("pt", "pth", "ckpt") and head[:1] != b"\x80" and head[:4] != b"PK\x03\x04":
        raise FormFault("is no PyTorch checkpoint")
    elif ending in ("zip", "npz") and head[:2] != b"PK":
        raise FormFault("is no zip archive")
    elif ending == "tflite" and head[4:8] != b"TFL3":
        raise FormFault("is no TensorFlow Lite model")


def _check_json(reader: Reader) -> None:
    """As the libraries that read it do: with NaN and Infinity, a byte order mark, comments and
    trailing commas, which configurations of models in the field have."""
    if reader.size > _LONGEST_JSON:
        return
    try:
        text = reader.take(reader.size).decode("utf-8-sig")
        if _reads(text):
            return
        for _ in range(2):  # a comma may be the last thing before a comment
            text = _BESIDE_JSON.sub(lambda found: found[1] or "", text)
        whole = _reads(text)
    except (UnicodeError, RecursionError):
        whole = False
    if not whole:
        raise FormFault("is not JSON")


def _reads(text: str) -> bool:
    try:
        json.loads(text, strict=False)
    except ValueError:
        return False
    return True
