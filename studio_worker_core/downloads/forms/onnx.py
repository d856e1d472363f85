"""ONNX: one protobuf message, a ModelProto, whose outer fields fill the file."""

from __future__ import annotations

from studio_worker_core.downloads.forms.reading import FormFault, Reader

_IR_VERSION, _GRAPH = 1, 7
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIRE_TYPES = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
"""The fields of a ModelProto and how each is written."""


def check_onnx(reader: Reader) -> None:
    """Raises :class:`FormFault` unless the file is a whole ModelProto with a graph."""
    seen: set[int] = set()
    while reader.at < reader.size:
        tag = _varint(reader)
        field, wire = tag >> 3, tag & 7
        if not 0 < field < 1 << 29 or _WIRE_TYPES.get(field, wire) != wire:
            raise FormFault("is no ONNX model")
        if wire == _VARINT:
            _varint(reader)
        elif wire == _BYTES:
            length = _varint(reader)
            if field == _GRAPH and length == 0:
                raise FormFault("is an ONNX model without a graph")
            reader.skip(length)
        elif wire in (_FIXED64, _FIXED32):
            reader.skip(8 if wire == _FIXED64 else 4)
        else:
            raise FormFault("is no ONNX model")
        seen.add(field)
    if not {_IR_VERSION, _GRAPH} <= seen:
        raise FormFault("is no ONNX model: it has no version or no graph")


def _varint(reader: Reader) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = reader.take(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
    raise FormFault("is no ONNX model")
