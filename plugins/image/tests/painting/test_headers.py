"""Headers of model files, good and hostile."""

from __future__ import annotations

import json
import struct
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from studio_worker_image.painting.headers import tensor_shapes


def _safetensors(header: object, length: int | None = None) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _gguf() -> bytes:
    pairs = [
        _text("general.architecture") + struct.pack("<I", 8) + _text("flux"),
        _text("general.alignment") + struct.pack("<II", 4, 32),
        _text("tokens") + struct.pack("<IIQ", 9, 8, 2) + _text("a") + _text("bc"),
        _text("scores") + struct.pack("<IIQ3f", 9, 6, 3, 1, 2, 3),
    ]
    tensors = [
        _text("blk.0.attn_q.weight") + struct.pack("<IQQIQ", 2, 64, 32, 0, 0),
        _text("output_norm.weight") + struct.pack("<IQIQ", 1, 64, 0, 8192),
    ]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs))
    return head + b"".join(pairs) + b"".join(tensors)


def test_shapes_of_safetensors_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    header = {"a.weight": {"dtype": "F16", "shape": [3, 4], "data_offsets": [0, 24]}}
    path.write_bytes(_safetensors({"__metadata__": {"format": "pt"}, **header}))
    assert tensor_shapes(path) == {"a.weight": (3, 4)}


def test_shapes_of_gguf_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(_gguf())
    assert tensor_shapes(path) == {"blk.0.attn_q.weight": (32, 64), "output_norm.weight": (64,)}


def test_a_file_that_is_no_model_has_no_shapes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert tensor_shapes(path) is None
    for data in (
        b"",
        b"GGUF",
        b"PK\x03\x04" * 10,
        _safetensors([1, 2]),
        _safetensors({"a": {"shape": "no"}}),
        _safetensors({"a": 1}),
        _safetensors({}, length=2**62),
        b"GGUF" + struct.pack("<IQQ", 3, 2**60, 2**60),
        b"GGUF" + struct.pack("<IQQ", 99, 0, 0),
    ):
        path.write_bytes(data)
        assert tensor_shapes(path) is None, data[:20]


@settings(deadline=None)
@given(st.integers(0, len(_gguf()) - 1), st.integers(0, 255))
def test_a_damaged_gguf_never_raises(place: int, byte: int) -> None:
    data = bytearray(_gguf())
    data[place] = byte
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(data)
    path = Path(file.name)
    try:
        tensor_shapes(path)
        path.write_bytes(data[:place])
        tensor_shapes(path)
    finally:
        path.unlink()
