"""Sound model files of each form, as small as they can be."""

from __future__ import annotations

import json
import struct


def safetensors(*tensors: tuple[str, str, list[int], int], pad: int = 0) -> bytes:
    """A file of tensors (name, dtype, shape, bytes), one after the other."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, dtype, shape, size in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes(at + pad)


def named(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def gguf(*, sizes: tuple[int, ...] = (64, 32), alignment: int = 32) -> bytes:
    """A GGUF of F32 vectors with some metadata of every shape."""
    pairs = [
        named("general.architecture") + struct.pack("<I", 8) + named("llama"),
        named("general.alignment") + struct.pack("<II", 4, alignment),
        named("tokens") + struct.pack("<IIQ", 9, 8, 3) + named("a") + named("b") + named(""),
        named("scores") + struct.pack("<IIQ", 9, 6, 2) + bytes(8),
        named("flag") + struct.pack("<IB", 7, 1),
    ]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(sizes), len(pairs)) + b"".join(pairs)
    data = b""
    for number, size in enumerate(sizes):
        head += named(f"t{number}") + struct.pack("<IQIQ", 1, size, 0, len(data))
        data += bytes(size * 4)
        data += bytes(-len(data) % alignment)
    return head + bytes(-len(head) % alignment) + data


def onnx(graph: int = 300) -> bytes:
    body = bytes(graph)
    length = bytes([graph & 0x7F | 0x80, graph >> 7])
    return b"\x08\x08" + b"\x12\x07pytorch" + b"\x3a" + length + body + b"\x42\x02\x10\x11"
