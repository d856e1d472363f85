"""A result storage without a directory: names and bytes, as an object store has them."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection

__all__ = ["MemoryResults"]


class MemoryResults:
    """See :class:`~studio_worker_studio.results.interface.ResultStorage`."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.aside: dict[str, bytes] = {}
        self.incoming: dict[int, MemoryIncoming] = {}
        self._numbers = itertools.count()

    def prepare(self) -> None:
        pass

    def receive(self) -> MemoryIncoming:
        return MemoryIncoming(self, next(self._numbers))

    def open(self, name: str) -> MemoryReader:
        return MemoryReader(self._found(name))

    def size(self, name: str) -> int | None:
        return len(self.objects[name]) if name in self.objects else None

    def sha256(self, name: str) -> str:
        return hashlib.sha256(self._found(name)).hexdigest()

    def delete(self, name: str) -> None:
        self.objects.pop(name, None)

    def unknown(self, known: Collection[str]) -> list[str]:
        return sorted(set(self.objects) - set(known))

    def set_aside(self, name: str) -> str:
        place = name
        for number in itertools.count():
            if place not in self.aside:
                break
            place = f"{name}.{number}"
        self.aside[place] = self.objects.pop(name)
        return f"aside/{place}"

    def where(self, name: str) -> str:
        return f"results/{name}"

    def clear_incoming(self) -> list[str]:
        self.incoming.clear()
        return []

    def _found(self, name: str) -> bytes:
        if name not in self.objects:
            raise FileNotFoundError(name)
        return self.objects[name]


class MemoryIncoming:
    """See :class:`~studio_worker_studio.results.interface.Incoming`."""

    def __init__(self, results: MemoryResults, number: int) -> None:
        self._results = results
        self._number = number
        self._data = bytearray()
        results.incoming[number] = self

    def write(self, data: bytes | memoryview) -> None:
        self._data += data

    def finish(self) -> None:
        pass

    def read(self) -> bytes:
        return bytes(self._data)

    def keep(self, name: str, sha256: str) -> None:
        results = self._results
        if name in results.objects and results.sha256(name) != sha256:
            results.set_aside(name)
        results.objects[name] = bytes(self._data)
        self.discard()

    def discard(self) -> None:
        self._results.incoming.pop(self._number, None)


class MemoryReader:
    """See :class:`~studio_worker_studio.results.interface.ResultReader`."""

    modified = 1_700_000_000.0

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, start: int, length: int) -> bytes:
        return self._data[start : start + length]

    def close(self) -> None:
        pass
