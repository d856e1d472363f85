"""Names and shapes of the tensors in a model file, read from its header alone.

safetensors: a length of 8 bytes, then JSON. GGUF (version 2 and 3): counts, key-value pairs,
then one record for each tensor. Nothing here is executed and nothing large is read.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

Shapes = Mapping[str, tuple[int, ...]]

_MAX_HEADER = 100 * 1024 * 1024
_MAX_COUNT = 1_000_000
_MAX_DEPTH = 4
# GGUF value type → bytes; 8 is a string, 9 an array.
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


def tensor_shapes(path: Path) -> Shapes | None:
    """Tensor name → shape, or None for a file of another kind or a broken one."""
    try:
        with path.open("rb") as file:
            if file.read(4) == b"GGUF":
                return _gguf(file)
            file.seek(0)
            return _safetensors(file)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error, OverflowError):
        return None


def _safetensors(file: BinaryIO) -> Shapes:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > _MAX_HEADER:
        raise ValueError("no safetensors header is that long")
    header = json.loads(file.read(length))
    return {
        name: tuple(int(side) for side in record["shape"])
        for name, record in header.items()
        if name != "__metadata__"
    }


def _gguf(file: BinaryIO) -> Shapes:
    version, tensors, pairs = struct.unpack("<IQQ", file.read(20))
    if version not in (2, 3) or max(tensors, pairs) > _MAX_COUNT:
        raise ValueError("unknown kind of GGUF")
    for _ in range(pairs):
        _text(file)
        (kind,) = struct.unpack("<I", file.read(4))
        _skip(file, kind, 0)
    shapes: dict[str, tuple[int, ...]] = {}
    for _ in range(tensors):
        name = _text(file)
        (dimensions,) = struct.unpack("<I", file.read(4))
        if dimensions > 8:
            raise ValueError("too many dimensions")
        sides = struct.unpack(f"<{dimensions}Q", file.read(8 * dimensions))
        shapes[name] = tuple(reversed(sides))  # GGUF counts from the innermost
        file.seek(12, 1)  # type and offset
    return shapes


def _text(file: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > _MAX_HEADER:
        raise ValueError("no name is that long")
    return file.read(length).decode("utf-8", "replace")


def _skip(file: BinaryIO, kind: int, depth: int) -> None:
    if kind == 8:
        (length,) = struct.unpack("<Q", file.read(8))
        file.seek(min(length, _MAX_HEADER), 1)
    elif kind == 9:
        inner, count = struct.unpack("<IQ", file.read(12))
        if depth >= _MAX_DEPTH or count > _MAX_COUNT:
            raise ValueError("an array is too deep or too long")
        if inner in _SIZES:
            file.seek(_SIZES[inner] * count, 1)
            return
        for _ in range(count):
            _skip(file, inner, depth + 1)
    else:
        file.seek(_SIZES[kind], 1)
