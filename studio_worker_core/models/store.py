"""Model files on disk: what a model source names, fetched once, checked, kept (protocol §3)."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from studio_worker_core.downloads.addresses import (
    AddressPolicy,
    check_url,
    shown_url,
)
from studio_worker_core.downloads.downloading import Downloader
from studio_worker_core.downloads.fetching import Fetcher
from studio_worker_core.downloads.hub import HubToken
from studio_worker_core.downloads.transfers import TransferLine, run_transfers
from studio_worker_core.downloads.wanted import Wanted
from studio_worker_core.errors import ModelStoreError, SourceRefused
from studio_worker_core.models.inventory import Inventory
from studio_worker_core.models.manifest import MODEL_MANIFEST_NAME, read_model_manifest
from studio_worker_core.models.names import model_directory, plain_file_name
from studio_worker_core.models.progress import DownloadProgress, FileProgress
from studio_worker_core.models.upkeep import (
    CheckedFile,
    left_behind,
    remove_model,
    verify_model,
)
from studio_worker_core.network.loopback import is_loopback_host
from studio_worker_core.storage.locks import held
from studio_worker_core.wire.models import ModelFile, ModelSource

_log = logging.getLogger("studio_worker.models.store")


class StoredModel(Struct, frozen=True):
    """A model with files on disk. ``size`` is in bytes."""

    model: str
    directory: Path
    files: Mapping[str, Path]
    size: int


class ModelStore:
    """The models under ``root``, one directory per model.

    ``allow_private`` also permits https servers in private networks. Two files of a model
    are downloaded at a time; a file is worked on by one thread of one process at a time.
    All files of a model have to be there after ``seconds``.
    """

    def __init__(
        self,
        root: Path,
        *,
        allow_private: bool = False,
        downloader: Downloader | None = None,
        parallel: int = 2,
        seconds: float = 24 * 3600.0,
    ) -> None:
        self.root = root
        self._allow_private = allow_private
        self._downloader = downloader or Downloader(Fetcher(token=HubToken.from_environment()))
        self._parallel = parallel
        self._seconds = seconds

    def ensure(
        self,
        source: ModelSource,
        model: str,
        *,
        on_progress: Callable[[float, str], None] | None = None,
        on_file: Callable[[FileProgress], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Mapping[str, tuple[Path, ...]]:
        """Role → files of ``model``, in the source's order; downloads what is missing.

        ``on_progress(fraction, message)`` is called from several threads, a few times a
        second while something is downloaded; ``on_file`` likewise, for each file.

        Raises:
            DownloadFailed: the network or the server is at fault.
            SourceRefused: forbidden address or name, wrong checksum, too large.
            ModelStoreError: the disk is full or cannot be written.
            JobCancelled: ``cancel`` was set; parts are kept for the next time.
        """
        files = check_source(source, allow_private=self._allow_private)
        if not files:
            return {}
        inventory = Inventory(self.root, model)
        progress = DownloadProgress(files, on_progress, on_file)
        run = functools.partial(
            run_transfers,
            parallel=self._parallel,
            cancel=cancel or threading.Event(),
            seconds=self._seconds,
            what=f"the download of {model}",
        )
        try:
            found = run(
                [functools.partial(self._find, inventory, file, progress) for file in files]
            )
            missing = [file for file, path in zip(files, found, strict=True) if path is None]
            self._check_room(inventory, missing)
            fetched = run(
                [functools.partial(self._one, inventory, file, progress) for file in missing]
            )
        except OSError as error:
            raise ModelStoreError(
                f"the files of {model} cannot be kept at {inventory.directory}: "
                f"{error.strerror or error}; is models_root a directory this user may write to?",
                what=model,
            ) from error
        rest = iter(fetched)
        paths = [path or next(rest) for path in found]
        by_name = {file.filename: path for file, path in zip(files, paths, strict=True)}
        return _by_role(source, by_name)

    def models(self) -> list[StoredModel]:
        """Every model that has files here, by name."""
        found = []
        for path in sorted(self.root.glob(f"*/{MODEL_MANIFEST_NAME}")):
            manifest = read_model_manifest(path.parent, path.parent.name)
            files = {
                name: self.root / kept.path
                for name, kept in manifest.files.items()
                if (self.root / kept.path).is_file()
            }
            size = sum(file.stat().st_size for file in files.values())
            found.append(StoredModel(manifest.model, path.parent, files, size))
        return sorted(found, key=lambda stored: stored.model)

    def directory(self, model: str) -> Path:
        """Where the files of ``model`` are or would be."""
        return self.root / model_directory(model)

    def verify(self, model: str, *, forget: bool = True) -> list[CheckedFile]:
        """Hash the files of ``model`` against the checksums they were kept with.

        A file that changed is set aside (unless ``forget`` is false), so that the next job
        downloads it again. Raises :class:`ModelStoreError` when a file cannot be read.
        """
        try:
            return verify_model(Inventory(self.root, model), forget=forget)
        except OSError as error:
            raise self._trouble(f"the files of {model} cannot be checked", error) from error

    def remove(self, model: str) -> int:
        """Delete what was downloaded for ``model``; the bytes it held. What others put or
        changed there is left. Raises :class:`ModelStoreError` when it cannot be deleted."""
        try:
            return remove_model(Inventory(self.root, model))
        except OSError as error:
            raise self._trouble(f"the files of {model} cannot be removed", error) from error

    def left_behind(self, model: str) -> list[Path]:
        """What is in the directory of ``model`` that :meth:`remove` did not delete."""
        return left_behind(Inventory(self.root, model))

    def _trouble(self, what: str, error: OSError) -> ModelStoreError:
        return ModelStoreError(f"{what}: {error.strerror or error} ({error.filename or self.root})")

    def _check_room(self, inventory: Inventory, missing: Sequence[ModelFile]) -> None:
        needed = 0
        for file in missing:
            part = inventory.directory / f"{file.filename}.part"
            there = part.stat().st_size if part.is_file() else 0
            needed += max(0, (file.approx_bytes or 0) - there)
        if needed:
            self._downloader.check_room(needed, inventory.directory, inventory.model)

    def _find(
        self, inventory: Inventory, file: ModelFile, progress: DownloadProgress, line: TransferLine
    ) -> Path | None:
        with held(inventory.lock_path(file.filename), line.pause):
            path = inventory.find(file, line.check, line.pause)
        if path is not None:
            progress.present(file)
        return path

    def _one(
        self, inventory: Inventory, file: ModelFile, progress: DownloadProgress, line: TransferLine
    ) -> Path:
        with held(inventory.lock_path(file.filename), line.pause):
            path = inventory.find(file, line.check, line.pause)
            if path is not None:
                progress.present(file)
                return path
            wanted = Wanted(
                url=file.url,
                target=inventory.directory / file.filename,
                policy=_policy(file.url, allow_private=self._allow_private),
                sha256=file.sha256,
                approx_bytes=file.approx_bytes or None,
                keep_old=not inventory.is_ours(file.filename),
            )
            _log.info(
                "downloading %s of %s from %s", file.filename, inventory.model, shown_url(file.url)
            )
            fetched = self._downloader.fetch(wanted, line, progress.reporter(file))
            inventory.note(file, wanted.target, fetched.sha256, fetched.etag, line.pause)
            progress.present(file)
            return wanted.target


def check_source(source: ModelSource, *, allow_private: bool = False) -> list[ModelFile]:
    """The files of ``source`` without repetition, names and addresses checked.

    Raises:
        SourceRefused: a name that is not plain, an address or scheme that is forbidden, or
            two different files of one name.
    """
    distinct: dict[str, ModelFile] = {}
    for file in source.files:
        plain_file_name(file.filename)
        check_url(file.url, _policy(file.url, allow_private=allow_private))
        other = distinct.setdefault(file.filename.lower(), file)
        same = (other.filename, other.url) == (file.filename, file.url)
        if not same or (other.sha256 or "").lower() != (file.sha256 or "").lower():
            raise SourceRefused(
                f"two different files of the model are both named {file.filename!r}",
                what=file.filename,
            )
    return list(distinct.values())


def _by_role(source: ModelSource, by_name: Mapping[str, Path]) -> dict[str, tuple[Path, ...]]:
    roles: dict[str, tuple[Path, ...]] = {}
    for file in source.files:
        roles[file.role] = (*roles.get(file.role, ()), by_name[file.filename])
    return roles


def _policy(url: str, *, allow_private: bool) -> AddressPolicy:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    return AddressPolicy(
        allow_loopback=is_loopback_host(host), allow_private=allow_private, may_use_proxy=True
    )
