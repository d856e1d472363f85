"""The GGUF format: key-value metadata, tensor descriptions, then the aligned tensor data."""

from __future__ import annotations

from math import prod

from studio_worker_core.downloads.forms.reading import FormFault, Reader

_MOST_PAIRS = 1 << 16
_MOST_TENSORS = 1 << 20
_MOST_DIMENSIONS = 8
_LONGEST_NAME = 1 << 16
_DEEPEST_ARRAY = 4
_STRING, _ARRAY, _UINT32 = 8, 9, 4
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of one value by its type."""
# Tensor type: values in a block, bytes of a block.
_BLOCKS = {
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    9: (32, 36),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    15: (256, 292),
    16: (256, 66),
    17: (256, 74),
    18: (256, 98),
    19: (256, 50),
    20: (32, 18),
    21: (256, 110),
    22: (256, 82),
    23: (256, 136),
    24: (1, 1),
    25: (1, 2),
    26: (1, 4),
    27: (1, 8),
    28: (1, 8),
    29: (256, 56),
    30: (1, 2),
    34: (256, 54),
    35: (256, 66),
    39: (32, 17),
}


def check_gguf(reader: Reader) -> None:
    """Raises :class:`FormFault` unless every tensor lies within the file."""
    if reader.take(4) != b"GGUF":
        raise FormFault("does not begin like a GGUF file")
    version = reader.take(4)
    order = "<" if version[1:] == b"\0\0\0" else ">"
    if int.from_bytes(version, "little" if order == "<" else "big") not in (1, 2, 3):
        raise FormFault("is of an unknown version of GGUF")
    walk = _Walk(reader, order, is_first_version=1 in (version[0], version[3]))
    tensors, pairs = walk.count(), walk.count()
    if pairs > _MOST_PAIRS or tensors > _MOST_TENSORS:
        raise FormFault("claims more tensors or metadata than any model has")
    alignment = walk.metadata(pairs)
    if alignment < 1 or alignment > 1 << 20 or alignment & (alignment - 1):
        raise FormFault("has a senseless alignment")
    ends = [walk.tensor(alignment) for _ in range(tensors)]
    start = -(-reader.at // alignment) * alignment
    missing = start + max(ends, default=0) - reader.size
    if ends and missing > 0:
        raise FormFault(f"is cut off: its tensors need {missing} bytes more")


class _Walk:
    def __init__(self, reader: Reader, order: str, *, is_first_version: bool) -> None:
        self._reader = reader
        self._u32 = f"{order}I"
        self._u64 = f"{order}Q"
        self._count = self._u32 if is_first_version else self._u64

    def count(self) -> int:
        return self._reader.number(self._count)

    def metadata(self, pairs: int) -> int:
        """Pass over the metadata; the alignment it sets."""
        alignment = 32
        for _ in range(pairs):
            name = self._name()
            kind = self._reader.number(self._u32)
            if name == b"general.alignment" and kind == _UINT32:
                alignment = self._reader.number(self._u32)
            else:
                self._value(kind, 0)
        return alignment

    def tensor(self, alignment: int) -> int:
        """Where the data of the next tensor ends, counted from the start of all data."""
        self._name()
        dimensions = self._reader.number(self._u32)
        if dimensions > _MOST_DIMENSIONS:
            raise FormFault("has a tensor with too many dimensions")
        values = prod(self.count() for _ in range(dimensions))
        kind = self._reader.number(self._u32)
        offset = self._reader.number(self._u64)
        if offset % alignment:
            raise FormFault("has a tensor off its alignment")
        block = _BLOCKS.get(kind)
        if block is None:
            return offset
        if values % block[0]:
            raise FormFault("has a tensor that is no whole number of blocks")
        return offset + values // block[0] * block[1]

    def _name(self) -> bytes:
        length = self.count()
        if length > _LONGEST_NAME:
            raise FormFault("has a name that is too long")
        return self._reader.take(length)

    def _value(self, kind: int, depth: int) -> None:
        if kind in _SIZES:
            self._reader.skip(_SIZES[kind])
        elif kind == _STRING:
            self._reader.skip(self.count())
        elif kind == _ARRAY and depth < _DEEPEST_ARRAY:
            inner, length = self._reader.number(self._u32), self.count()
            if inner in _SIZES:
                self._reader.skip(_SIZES[inner] * length)
                return
            for _ in range(length):
                self._value(inner, depth + 1)
        else:
            raise FormFault("has metadata of an unknown type")
