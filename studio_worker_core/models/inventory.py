"""Finding a file that is already on disk, and knowing that it is the right one."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from studio_worker_core.downloads.forms import Checkpoint, fault_in
from studio_worker_core.errors import SourceRefused
from studio_worker_core.models.manifest import (
    CATALOGUE_NAME,
    MODEL_MANIFEST_NAME,
    KeptFile,
    read_model_manifest,
    record,
)
from studio_worker_core.models.names import model_directory, plain_file_name
from studio_worker_core.storage.aside import set_aside
from studio_worker_core.storage.atomic import draft_beside, remove_drafts
from studio_worker_core.storage.disk import sync_directory
from studio_worker_core.wire.models import ModelFile

_log = logging.getLogger("studio_worker.models.inventory")

_CHUNK = 1 << 20


def hash_file(path: Path, check: Checkpoint) -> str:
    """SHA-256 of a file, lower-case hex; ``check`` may raise to end it. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            check()
            digest.update(chunk)
    return digest.hexdigest()


class Inventory(Struct, frozen=True):
    """The directory of one model under ``root``, and the places its files may be instead."""

    root: Path
    model: str

    @property
    def directory(self) -> Path:
        return self.root / model_directory(self.model)

    def lock_path(self, name: str) -> Path:
        """The lock of one file (or of the manifest, with an empty name)."""
        digest = hashlib.sha256(f"{self.directory.name}/{name.lower()}".encode()).hexdigest()
        return self.root / ".locks" / f"{digest[:32]}.lock"

    def find(
        self, file: ModelFile, check: Checkpoint, pause: Callable[[float], None]
    ) -> Path | None:
        """Where ``file`` already is, checked; None when it has to be downloaded.

        Looked for in the model's directory, where the original worker may have put it (in
        ``<root>/<model>/`` or flat in ``<root>/``) and, by checksum, in the other models'
        directories.
        """
        kept = read_model_manifest(self.directory, self.model).files.get(file.filename)
        if kept is not None and _is_same(kept, file):
            if kept.is_untouched(self.root):
                return self.root / kept.path
            if self._still_right(kept, check):
                self.note(file, self.root / kept.path, kept.sha256, kept.etag, pause)
                return self.root / kept.path
        if kept is None or file.sha256 is not None:
            for path in self._places(file.filename):
                if path.is_file() and self._adopt(file, path, check, pause):
                    _log.info("%s of %s was already there: %s", path.name, self.model, path)
                    return path
        return self._borrow(file, check, pause)

    def _places(self, name: str) -> Iterator[Path]:
        yield self.directory / name
        parts = self.model.split("/")
        with contextlib.suppress(SourceRefused):
            yield self.root.joinpath(*(plain_file_name(part) for part in parts), name)
        yield self.root / name

    def note(
        self,
        file: ModelFile,
        path: Path,
        sha256: str,
        etag: str | None,
        pause: Callable[[float], None] | None = None,
    ) -> None:
        """Remember that ``path`` was checked and is ``file``."""
        found = path.stat()
        kept = KeptFile(
            path=path.relative_to(self.root).as_posix(),
            url=file.url,
            sha256=sha256,
            size=found.st_size,
            mtime_ns=found.st_mtime_ns,
            etag=etag,
            inode=found.st_ino,
            checked="form" if file.sha256 is None else "sum",
        )
        lock = self.lock_path("")
        record(self.directory, self.model, file.filename, kept, lock=lock, pause=pause)

    def _still_right(self, kept: KeptFile, check: Checkpoint) -> bool:
        path = self.root / kept.path
        try:
            right = path.stat().st_size == kept.size and hash_file(path, check) == kept.sha256
        except OSError:
            return False
        if not right:
            _log.warning("%s is not what was downloaded any more; fetching it again", path)
        return right

    def is_ours(self, name: str) -> bool:
        """Whether the file ``name`` in the model's directory is, unchanged, one that was
        downloaded here; false for what somebody else put or changed there."""
        kept = read_model_manifest(self.directory, self.model).files.get(name)
        return (
            kept is not None
            and self.root / kept.path == self.directory / name
            and kept.is_untouched(self.root)
        )

    def _adopt(
        self, file: ModelFile, path: Path, check: Checkpoint, pause: Callable[[float], None]
    ) -> bool:
        """Take a file that is there for ``file``: by its checksum, or, where there is none,
        by its form, unless it is known to have come from another address."""
        if path == self.root / CATALOGUE_NAME:
            return False
        try:
            if file.sha256 is None:
                if not _is_plausible(path.stat().st_size, file.approx_bytes):
                    return False
                if self._came_from_elsewhere(path, file):
                    return False
                wrong = fault_in(path, file.filename, check)
                if wrong is not None:
                    _log.warning("%s cannot be used for %s: it %s", path, self.model, wrong)
                    return False
            digest = hash_file(path, check)
        except OSError:
            return False
        if file.sha256 is not None and digest != file.sha256.lower():
            return False
        self.note(file, path, digest, None, pause)
        return True

    def _came_from_elsewhere(self, path: Path, file: ModelFile) -> bool:
        where = path.relative_to(self.root).as_posix()
        return any(kept.path == where and kept.url != file.url for kept in self._all_kept())

    def _borrow(
        self, file: ModelFile, check: Checkpoint, pause: Callable[[float], None]
    ) -> Path | None:
        """A hard link to the same file of another model: a text encoder is often shared."""
        if file.sha256 is None:
            return None
        for kept in self._elsewhere(file.sha256.lower()):
            path, own = self.root / kept.path, self.directory / file.filename
            with contextlib.suppress(OSError):
                if not kept.is_untouched(self.root) and hash_file(path, check) != kept.sha256:
                    continue
                if os.path.lexists(own) and not self.is_ours(file.filename):
                    aside = set_aside(own, word="aside")
                    _log.warning("%s is not what is wanted; it was kept as %s", own, aside.name)
                own.parent.mkdir(parents=True, exist_ok=True)
                remove_drafts(own)
                link = draft_beside(own)
                os.link(path, link)
                link.replace(own)
                sync_directory(own.parent)
                self.note(file, own, kept.sha256, kept.etag, pause)
                return own
        return None

    def _elsewhere(self, sha256: str) -> Iterator[KeptFile]:
        own = self.directory.name
        for kept in self._all_kept():
            if kept.sha256 == sha256 and kept.path.partition("/")[0] != own:
                yield kept

    def _all_kept(self) -> Iterator[KeptFile]:
        with contextlib.suppress(OSError):
            for manifest in self.root.glob(f"*/{MODEL_MANIFEST_NAME}"):
                yield from read_model_manifest(manifest.parent, manifest.parent.name).files.values()


def _is_same(kept: KeptFile, file: ModelFile) -> bool:
    if file.sha256 is not None:
        return kept.sha256 == file.sha256.lower()
    return kept.url == file.url


def _is_plausible(size: int, approx: int | None) -> bool:
    return size > 0 and (not approx or approx // 4 <= size <= approx * 4 + (1 << 20))
