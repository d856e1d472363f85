"""What is known about the files of one model: where they came from and their checksums.

KeptFile as ``.studio-worker.json`` in the model's directory, a name no model file can have.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from studio_worker_core.storage.aside import set_aside
from studio_worker_core.storage.atomic import remove_drafts, write_whole
from studio_worker_core.storage.locks import held

_log = logging.getLogger("studio_worker.models.manifest")

MODEL_MANIFEST_NAME = ".studio-worker.json"
CATALOGUE_NAME = "models.json"
"""The local catalogue; earlier versions had it in the models root."""


class KeptFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One checked file. ``path`` is relative to the models root."""

    path: str
    url: str
    sha256: str
    size: int
    mtime_ns: int
    etag: str | None = None
    inode: int | None = None
    checked: Literal["sum", "form"] = "form"
    """By the checksum of its source, or only by the form its name promises."""

    def is_untouched(self, root: Path) -> bool:
        """Whether it still is the file that was checked: its size, time and inode."""
        try:
            found = os.stat(root / self.path)  # noqa: PTH116 - also on a Path with no file
        except OSError:
            return False
        same = (found.st_size, found.st_mtime_ns) == (self.size, self.mtime_ns)
        return same and self.inode in (None, found.st_ino)


class ModelManifest(msgspec.Struct, frozen=True):
    """The files of ``model`` by file name."""

    model: str
    files: dict[str, KeptFile] = msgspec.field(default_factory=dict)


# Made at import: two threads that are the first to decode a type end the process (msgspec 0.22).
_DECODER = msgspec.json.Decoder(ModelManifest)


def read_model_manifest(directory: Path, model: str) -> ModelManifest:
    """The manifest in ``directory``; an unreadable one is set aside under a new name, and
    the files are checked anew."""
    path = directory / MODEL_MANIFEST_NAME
    try:
        data = path.read_bytes()
    except OSError:
        return ModelManifest(model)
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeError) as error:
        aside = set_aside(path)
        _log.warning("%s cannot be read (%s); it was set aside as %s", path, error, aside.name)
        return ModelManifest(model)


def record(
    directory: Path,
    model: str,
    name: str,
    kept: KeptFile | None,
    *,
    lock: Path,
    pause: Callable[[float], None] | None = None,
) -> None:
    """Note ``kept`` for file ``name`` (None forgets it), beside other threads and processes."""
    with held(lock, pause):
        manifest = read_model_manifest(directory, model)
        files = {key: value for key, value in manifest.files.items() if key != name}
        if kept is not None:
            files[name] = kept
        data = msgspec.json.format(msgspec.json.encode(ModelManifest(model, files)), indent=2)
        directory.mkdir(parents=True, exist_ok=True)
        remove_drafts(directory / MODEL_MANIFEST_NAME)
        write_whole(directory / MODEL_MANIFEST_NAME, data)
