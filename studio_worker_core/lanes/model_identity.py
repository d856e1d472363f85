"""What makes a model the same model: its name, its defaults and the very files it is made of."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from studio_worker_core.plugin import Model


class _FileIdentity(Struct, frozen=True):
    path: Path
    size: int = -1
    changed_ns: int = -1
    inode: int = -1


class ModelIdentity(Struct, frozen=True):
    """Two models are the same when these are equal: new bytes under an old name are not."""

    name: str
    defaults: bytes
    """As JSON with sorted keys: a lane is found by its identity, which has to hash."""
    files: tuple[tuple[str, tuple[_FileIdentity, ...]], ...]

    @property
    def is_whole(self) -> bool:
        """Whether all its files are there."""
        return all(file.size >= 0 for _, files in self.files for file in files)

    @property
    def file_bytes(self) -> int:
        """What its files come to."""
        return sum(max(file.size, 0) for _, files in self.files for file in files)


def model_identity(model: Model) -> ModelIdentity:
    """The identity of ``model`` as its files are on disk right now.

    Taken before a model is loaded: a file replaced during the load then counts as changed.
    """
    return ModelIdentity(
        model.name,
        msgspec.json.encode(model.defaults, order="sorted"),
        tuple(
            (role, tuple(_identity(path) for path in paths))
            for role, paths in sorted(model.files.items())
        ),
    )


def _identity(path: Path) -> _FileIdentity:
    try:
        found = path.stat()
    except OSError:  # the engine will say so
        return _FileIdentity(path)
    return _FileIdentity(path, found.st_size, found.st_mtime_ns, found.st_ino)
