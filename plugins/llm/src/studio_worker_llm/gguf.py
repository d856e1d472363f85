"""The metadata of a GGUF file: its header, without the tensors.

The format (version 2 and 3): magic, version, number of tensors and of entries, then the entries:
key, type, value. Reading costs a step for each entry and each text of a list: a vocabulary of a
quarter of a million tokens takes about a tenth of a second.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from studio_worker_core.plugin import InvalidTask

MAGIC = b"GGUF"

Value = str | int | float | bool

_NUMBERS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_TEXT, _LIST = 8, 9
_VERSIONS = (2, 3)
_MOST_ENTRIES = 100_000
_LONGEST_TEXT = 16 * 1024 * 1024


class _Cut(Exception):
    """The file ends, or makes no sense, before its header does."""


def metadata_of(path: Path) -> Mapping[str, Value]:
    """The entries of a GGUF file that are one value; lists are left out.

    Raises:
        InvalidTask: it is no GGUF file, of another version, cut short or damaged.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        magic = file.read(len(MAGIC))
        if magic != MAGIC:
            raise InvalidTask(f"{path.name} is no GGUF file: it begins with {magic!r}")
        reader = _Reader(file, path.stat().st_size)
        try:
            version = reader.number("<I")
            if version not in _VERSIONS:
                raise InvalidTask(f"{path.name} is GGUF of version {version}; read are 2 and 3")
            return reader.entries()
        except _Cut as error:
            raise InvalidTask(
                f"{path.name} is damaged or cut short: {error}; remove it to have it "
                "downloaded again"
            ) from None


class _Reader:
    """Reads on from the version; every length is held against what is left of the file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size

    def entries(self) -> Mapping[str, Value]:
        self.number("<Q")  # tensors: llama.cpp's own business
        count = self.number("<Q")
        if count > _MOST_ENTRIES:
            raise _Cut(f"its header would have {count} entries")
        found: dict[str, Value] = {}
        for _ in range(int(count)):
            key = self._text()
            value = self._value(int(self.number("<I")))
            if value is not None:
                found[key] = value
        return found

    def number(self, form: str) -> int | float | bool:
        (value,) = struct.unpack(form, self._take(struct.calcsize(form)))
        number: int | float | bool = value
        return number

    def _value(self, kind: int) -> Value | None:
        if kind in _NUMBERS:
            return self.number(_NUMBERS[kind])
        if kind == _TEXT:
            return self._text()
        if kind != _LIST:
            raise _Cut(f"its header has a value of the unknown type {kind}")
        self._skip_list()
        return None

    def _skip_list(self) -> None:
        kind, count = int(self.number("<I")), int(self.number("<Q"))
        if kind in _NUMBERS:
            self._skip(count * struct.calcsize(_NUMBERS[kind]))
        elif kind == _TEXT:
            for _ in range(count):  # ends at the end of the file at the latest
                self._skip(int(self.number("<Q")))
        else:
            raise _Cut(f"its header has a list of the unknown type {kind}")

    def _text(self) -> str:
        length = int(self.number("<Q"))
        if length > _LONGEST_TEXT:
            raise _Cut(f"its header would have a text of {length} bytes")
        return self._take(length).decode("utf-8", "replace")

    def _take(self, count: int) -> bytes:
        data = self._file.read(count)
        if len(data) < count:
            raise _Cut("it ends within its header")
        return data

    def _skip(self, count: int) -> None:
        if count > self._size - self._file.tell():
            raise _Cut("it ends within its header")
        self._file.seek(count, 1)
