"""The models to keep loaded: ``residency.json`` beside the config, the original worker's too."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from studio_worker_core.errors import ModelStoreError
from studio_worker_core.storage.atomic import remove_drafts, write_whole
from studio_worker_core.storage.locks import held

_log = logging.getLogger("studio_worker.models.residency")

_VERSION = 1


class Residency:
    """The ids in ``path``. A file of another shape or version is left as it is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = path.with_name(f".{path.name}.lock")

    def resident(self) -> frozenset[str]:
        """The models that are to be kept loaded."""
        document = self._read()
        return frozenset(model for model in document["resident"] if isinstance(model, str))

    def forget(self, model: str) -> None:
        """Drop a model that is gone. Raises :class:`ModelStoreError`."""
        self.change(drop={model})

    def change(self, *, add: Collection[str] = (), drop: Collection[str] = ()) -> None:
        """Add some and drop some; ids that nobody here knows stay.

        Raises:
            ModelStoreError: it cannot be written, or the file there is of another version.
        """
        there = self.resident()
        if there.issuperset(add) and there.isdisjoint(drop):
            return
        try:
            with held(self._lock):
                document = self._read(for_writing=True)
                kept = {each for each in document["resident"] if isinstance(each, str)}
                document["resident"] = sorted((kept | set(add)) - set(drop))
                remove_drafts(self.path)
                write_whole(self.path, msgspec.json.encode(document))
        except OSError as error:
            raise ModelStoreError(
                f"{self.path} cannot be written: {error.strerror or error}; its directory has to "
                "be one that this user may write to",
                what=str(self.path),
            ) from error

    def _read(self, *, for_writing: bool = False) -> dict[str, Any]:
        nothing = {"version": _VERSION, "resident": []}
        try:
            document = msgspec.json.decode(self.path.read_bytes())
        except FileNotFoundError:
            return nothing
        except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            if for_writing:
                raise ModelStoreError(
                    f"{self.path} cannot be read ({error}), and is not written over; move it away",
                    what=str(self.path),
                ) from error
            _log.warning("%s cannot be read: %s", self.path, error)
            return nothing
        is_known = isinstance(document, dict) and document.get("version") == _VERSION
        if not is_known or not isinstance(document.get("resident"), list):
            if for_writing:
                raise ModelStoreError(
                    f"{self.path} is not of version {_VERSION}, and is not written over; move it "
                    "away",
                    what=str(self.path),
                )
            _log.warning("%s is not of version %d; it is left as it is", self.path, _VERSION)
            return nothing
        shaped: dict[str, Any] = document
        return shaped
