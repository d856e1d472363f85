"""The models this worker knows: ``models.json`` beside its config, the original worker's too."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from studio_worker_core.errors import ModelStoreError
from studio_worker_core.models.catalogue_file import CatalogueFile
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.models.known_models import KnownModels
from studio_worker_core.models.manifest import CATALOGUE_NAME
from studio_worker_core.storage.aside import set_aside
from studio_worker_core.storage.atomic import remove_drafts, write_whole
from studio_worker_core.storage.locks import held
from studio_worker_core.storage.stamps import stamp_of
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import Task, task_kind

_log = logging.getLogger("studio_worker.models.catalogue")

_MOST_ENTRIES = 10_000
_MOST_NOTED = 64
_REMEDY = "its directory has to be one that this user may write to"
_OWN_NAME = "plugin-models.json"
_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError)
_MOST_BYTES = 64 << 20
_LONGEST_SOURCE = 256 << 10


class Offered(Protocol):
    """What the catalogue notes of an offer."""

    @property
    def model(self) -> str:
        """The model's id."""

    @property
    def task(self) -> Task:
        """What it is to be used for."""

    @property
    def model_source(self) -> ModelSource:
        """Where it comes from."""

    @property
    def vram_gb_estimate(self) -> float:
        """Gigabytes of GPU memory it is said to take."""


class Catalogue:
    """The catalogue at ``path``. Safe beside other threads and processes.

    What the original worker has no words for is in ``plugin-models.json`` beside it. While
    ``path`` is not there, the one that an earlier version left in ``older`` (a models root) is
    read in its place.

    A file that cannot be read is set aside under a new name and said so; the catalogue then
    starts afresh from its seeds.
    """

    def __init__(
        self, path: Path, *, older: Path | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self.path = path
        self._own_path = path.with_name(_OWN_NAME)
        self._older = older
        self._lock = path.with_name(f".{path.name}.lock")
        self._now = now
        self._told: set[str] = set()
        self._noted: dict[str, tuple[object, ...]] = {}
        """Model → what was last offered of it, and the stamp of the files that said so already."""

    def stamp(self) -> tuple[tuple[int, int, int], ...]:
        """What changes when a file of the catalogue does; reads none of them."""
        return tuple(stamp_of(path) for path in (self.path, self._own_path))

    def entries(self) -> list[CatalogueEntry]:
        """Every model, seeds included, in the order of the file."""
        return list(self._read().entries().values())

    def find(self, model: str) -> CatalogueEntry | None:
        """The entry of a model id."""
        return self._read().entries().get(model)

    def foreign_kind(self, model: str) -> str | None:
        """The kind of a model that the file has and this worker cannot use; None when it has
        none of that id."""
        known = self._read()
        if model in known.entries():
            return None
        return known.shared.kind_of(model)

    def put(self, entry: CatalogueEntry) -> None:
        """Add ``entry`` or replace the one of its id. Raises :class:`ModelStoreError`."""
        with self._changing() as known:
            there = known.entries()
            if entry.id not in there and len(there) >= _MOST_ENTRIES:
                raise ModelStoreError(
                    f"{self.path} has {_MOST_ENTRIES} models already; remove some with "
                    "'studio-worker models remove'",
                    what=entry.id,
                )
            known.put(entry)

    def remove(self, model: str) -> bool:
        """Take a model out; False when it was not there. Raises :class:`ModelStoreError`."""
        with self._changing() as known:
            return known.remove(model)

    def mirror(self, offered: Offered) -> bool:
        """Note the model of a studio's offer; True when the catalogue changed.

        Display name and ``enabled`` of a known model stay; an entry a person wrote stays
        whole; a source of more than 256 KiB is not kept. Raises :class:`ModelStoreError` when
        the file cannot be written.
        """
        source = msgspec.json.encode(offered.model_source)
        if not offered.model or len(source) > _LONGEST_SOURCE:
            return False
        stamps = (*self.stamp(), *map(stamp_of, self._older_files()))
        noted = (source, task_kind(offered.task), offered.vram_gb_estimate, stamps)
        # One job after another is for the same model: that reads no file of thousands.
        if self._noted.get(offered.model) == noted:
            return False
        known = self._read().entries().get(offered.model)
        entry = _entry_of(offered, known)
        if entry is None or entry == known:
            if len(self._noted) >= _MOST_NOTED:
                self._noted.clear()
            self._noted[offered.model] = noted
            return False
        self.put(entry)
        return True

    @contextmanager
    def _changing(self) -> Iterator[KnownModels]:
        try:
            with held(self._lock):
                known = self._read()
                yield known
                known.sort()
                self._write(self._own_path, known.own)
                self._write(self.path, known.shared)
        except OSError as error:
            raise ModelStoreError(
                f"the catalogue {self.path} cannot be written: {error.strerror or error}; "
                f"{_REMEDY}",
                what=str(self.path),
            ) from error

    def _write(self, path: Path, file: CatalogueFile) -> None:
        data = file.encode()
        if len(data) > _MOST_BYTES:
            raise ModelStoreError(
                f"{path} would be longer than {_MOST_BYTES} bytes; remove some "
                "models with 'studio-worker models remove'",
                what=str(path),
            )
        there = path.read_bytes() if path.exists() else CatalogueFile().encode()
        if data != there:
            remove_drafts(path)
            write_whole(path, data)

    def _read(self) -> KnownModels:
        shared = self._file(self.path)
        if shared is None:
            shared = self._older_file() or CatalogueFile()
        known = KnownModels(shared, self._file(self._own_path) or CatalogueFile())
        news = {model: why for model, why in shared.unread.items() if model not in self._told}
        if news:
            self._told |= news.keys()
            # A kind that only the original worker serves is nothing to see to.
            foreign = all("$.kind" in why for why in news.values())
            _log.log(
                logging.INFO if foreign else logging.WARNING,
                "models of %s that this worker keeps and cannot use: %s",
                self.path,
                "; ".join(f"{model!r} ({why})" for model, why in news.items()),
            )
        return known

    def _file(self, path: Path) -> CatalogueFile | None:
        try:
            return CatalogueFile.decode(_bounded(path))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ModelStoreError(
                f"the catalogue {path} cannot be read: {error.strerror or error}; {_REMEDY}"
            ) from error
        except _UNREADABLE as error:
            self._set_aside(path, error)
            return None

    def _older_files(self) -> tuple[Path, ...]:
        if self._older is None:
            return ()
        return self._older / ".locks" / "catalogue.lock", self._older / CATALOGUE_NAME

    def _older_file(self) -> CatalogueFile | None:
        """The catalogue of an earlier version: one that lies beside the lock which only that
        version made. The file stays as it is."""
        files = self._older_files()
        if not files or not files[0].is_file():
            return None
        path = files[1]
        try:
            return CatalogueFile.decode(_bounded(path))
        except FileNotFoundError:
            return None
        except (OSError, *_UNREADABLE) as error:
            _log.warning("the catalogue of an earlier version is not taken over: %s", error)
            return None

    def _set_aside(self, path: Path, reason: Exception) -> None:
        try:
            aside = set_aside(path, now=self._now)
        except FileNotFoundError:  # another thread or process was faster
            return
        except OSError as error:
            raise ModelStoreError(
                f"the catalogue {path} is corrupt ({reason}) and cannot be renamed: {error}"
            ) from error
        _log.error(
            "the catalogue %s cannot be read (%s); it was set aside as %s and a fresh one is used",
            path,
            reason,
            aside,
        )


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError(f"it is longer than {_MOST_BYTES} bytes")
    return data


def _entry_of(offered: Offered, known: CatalogueEntry | None) -> CatalogueEntry | None:
    kind = task_kind(offered.task)
    if known is None:
        return CatalogueEntry(
            id=offered.model,
            display_name=offered.model,
            kind=kind,
            vram_gb_estimate=offered.vram_gb_estimate,
            source=offered.model_source,
            origin="studio",
        )
    if known.origin != "studio":
        return None
    return msgspec.structs.replace(
        known,
        kind=kind if known.kind == kind else None,
        vram_gb_estimate=offered.vram_gb_estimate,
        source=offered.model_source,
    )
