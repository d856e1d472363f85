"""Where the demo's files go: over those of an earlier demo, never over anybody else's."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

RECORD_NAME = ".studio-worker-demo.json"
"""Names and SHA-256 sums of the files that demos have made in a directory."""

_MOST_BYTES = 1024 * 1024


class OutputDirectory:
    """The directory of ``--out``; it is made when it is not there. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self._record = self._read()
        self._taken: set[str] = set()
        self.left_alone: list[str] = []
        """Names of files that were there before and are not of a demo."""

    def names(self, stem: str, ext: str) -> str:
        """A name for a new file: ``stem.ext``, or numbered where that is taken."""
        numbered = (f"{stem}-{number}" for number in itertools.count(2))
        for each in itertools.chain([stem], numbered):
            name = f"{each}.{ext}"
            if name in self._taken:
                continue
            if self._is_free(name):
                self._taken.add(name)
                return name
            self.left_alone.append(name)
        raise AssertionError("numbers do not end")

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A new file to write to, which then takes the place of ``name``. Raises OSError."""
        draft = self.path / f".{name}.{os.getpid()}.part"
        draft.open("xb").close()
        try:
            yield draft
            self._record[name] = _sum_of(draft)
            # First the record: a file that is recorded and not there harms nobody.
            self._write()
            draft.replace(self.path / name)
        finally:
            draft.unlink(missing_ok=True)

    def _is_free(self, name: str) -> bool:
        path = self.path / name
        if not os.path.lexists(path):
            return True
        known = self._record.get(name)
        if known is None or path.is_symlink() or not path.is_file():
            return False
        try:
            return _sum_of(path) == known
        except OSError:
            return False

    def _read(self) -> dict[str, str]:
        try:
            with (self.path / RECORD_NAME).open("rb") as file:
                return msgspec.json.decode(file.read(_MOST_BYTES), type=dict[str, str])
        except (OSError, msgspec.MsgspecError, UnicodeError):
            return {}

    def _write(self) -> None:
        draft = self.path / f"{RECORD_NAME}.{os.getpid()}.part"
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(self._record), indent=2))
        draft.replace(self.path / RECORD_NAME)


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
