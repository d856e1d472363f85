"""The models this worker knows: ``models.json`` beside their files."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from studio_worker_core.errors import ModelStoreError
from studio_worker_core.models.durable import held, replace_durably, set_aside
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.models.manifest import CATALOGUE_NAME
from studio_worker_core.models.sources import seeded_entries
from studio_worker_core.wire.frames import Claim
from studio_worker_core.wire.tasks import task_kind

__all__ = ["Catalogue"]

_log = logging.getLogger("studio_worker.models.catalogue")

_MOST_ENTRIES = 10_000
_MOST_BYTES = 64 << 20
_LONGEST_SOURCE = 256 << 10


class Catalogue:
    """The catalogue under ``root``. Safe beside other threads and processes.

    A file that cannot be read is set aside under a new name and said so; the catalogue then
    starts afresh from its seeds.
    """

    def __init__(self, root: Path, *, now: Callable[[], float] = time.time) -> None:
        self.path = root / CATALOGUE_NAME
        self._lock = root / ".locks" / "catalogue.lock"
        self._now = now

    def entries(self) -> list[CatalogueEntry]:
        """Every model, seeds included, in the order of the file."""
        return list(self._read().values())

    def find(self, model: str) -> CatalogueEntry | None:
        """The entry of a model id."""
        return self._read().get(model)

    def put(self, entry: CatalogueEntry) -> None:
        """Add ``entry`` or replace the one of its id. Raises :class:`ModelStoreError`."""
        with self._changing() as entries:
            if entry.id not in entries and len(entries) >= _MOST_ENTRIES:
                raise ModelStoreError(
                    f"{self.path} has {_MOST_ENTRIES} models already; remove some with "
                    "'studio-worker models remove'",
                    what=entry.id,
                )
            entries[entry.id] = entry

    def remove(self, model: str) -> bool:
        """Take a model out; False when it was not there. Raises :class:`ModelStoreError`."""
        with self._changing() as entries:
            return entries.pop(model, None) is not None

    def mirror(self, claim: Claim) -> bool:
        """Note the model of a studio's offer; True when the catalogue changed.

        Display name and ``enabled`` of a known model stay; an entry a person wrote stays
        whole; a source of more than 256 KiB is not kept. Raises :class:`ModelStoreError` when
        the file cannot be written.
        """
        if not claim.model or len(msgspec.json.encode(claim.model_source)) > _LONGEST_SOURCE:
            return False
        known = self._read().get(claim.model)
        entry = _entry_of(claim, known)
        if entry is None or entry == known:
            return False
        self.put(entry)
        return True

    @contextmanager
    def _changing(self) -> Iterator[dict[str, CatalogueEntry]]:
        try:
            with held(self._lock):
                entries = self._read()
                yield entries
                data = msgspec.json.format(msgspec.json.encode(list(entries.values())), indent=2)
                if len(data) > _MOST_BYTES:
                    raise ModelStoreError(
                        f"{self.path} would be longer than {_MOST_BYTES} bytes; remove some "
                        "models with 'studio-worker models remove'",
                        what=str(self.path),
                    )
                replace_durably(self.path, data)
        except OSError as error:
            raise ModelStoreError(
                f"the catalogue {self.path} cannot be written: {error}", what=str(self.path)
            ) from error

    def _read(self) -> dict[str, CatalogueEntry]:
        try:
            data = self._bounded()
            entries = msgspec.json.decode(data, type=list[CatalogueEntry])
        except FileNotFoundError:
            entries = seeded_entries()
        except OSError as error:
            raise ModelStoreError(f"the catalogue {self.path} cannot be read: {error}") from error
        except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
            self._set_aside(error)
            entries = seeded_entries()
        return {entry.id: entry for entry in entries}

    def _bounded(self) -> bytes:
        with self.path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ValueError(f"it is longer than {_MOST_BYTES} bytes")
        return data

    def _set_aside(self, reason: Exception) -> None:
        try:
            aside = set_aside(self.path, now=self._now)
        except FileNotFoundError:  # another thread or process was faster
            return
        except OSError as error:
            raise ModelStoreError(
                f"the catalogue {self.path} is corrupt ({reason}) and cannot be renamed: {error}"
            ) from error
        _log.error(
            "the catalogue %s cannot be read (%s); it was set aside as %s and a fresh one is used",
            self.path,
            reason,
            aside,
        )


def _entry_of(claim: Claim, known: CatalogueEntry | None) -> CatalogueEntry | None:
    kind = task_kind(claim.task)
    if known is None:
        return CatalogueEntry(
            id=claim.model,
            display_name=claim.model,
            kind=kind,
            vram_gb_estimate=claim.vram_gb_estimate,
            source=claim.model_source,
            origin="studio",
        )
    if known.origin != "studio":
        return None
    return msgspec.structs.replace(
        known,
        kind=kind if known.kind == kind else None,
        vram_gb_estimate=claim.vram_gb_estimate,
        source=claim.model_source,
    )
