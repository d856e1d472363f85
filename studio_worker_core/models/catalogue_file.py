"""One file of the catalogue, with the keys and entries of others kept as they are.

The shape is ``{"models": [...], "dismissedSeeds": [id]}``; a plain list of models, as earlier
versions wrote it, is read too.
"""

from __future__ import annotations

from typing import Any

import msgspec

from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.models.original_shape import with_defaults, written
from studio_worker_core.models.sources import seeded_entries


class CatalogueFile:
    """The file in memory. ``entries`` are those that can be read; ``unread`` says by id why
    others cannot."""

    def __init__(self, document: dict[str, Any] | None = None) -> None:
        self._document = document or {"models": []}
        # In the order of the file: what was read (None: new), and the id of its entry.
        self._rows: list[tuple[Any, str | None]] = []
        self.entries: dict[str, CatalogueEntry] = {}
        self.unread: dict[str, str] = {}
        self.dismissed: list[Any] = list(self._document.get("dismissedSeeds") or [])
        for row in self._document["models"]:
            self.take(row)

    @classmethod
    def decode(cls, data: bytes) -> CatalogueFile:
        """Raises msgspec's errors, UnicodeError, RecursionError or ValueError."""
        document = msgspec.json.decode(data)
        if isinstance(document, list):
            return cls._of_list(document)
        if not isinstance(document, dict) or not isinstance(document.get("models"), list):
            raise ValueError("it has no list 'models'")
        dismissed = document.get("dismissedSeeds")
        return cls(document | {"dismissedSeeds": dismissed if isinstance(dismissed, list) else []})

    @classmethod
    def _of_list(cls, models: list[Any]) -> CatalogueFile:
        there = [_id_of(entry) for entry in models]  # of whatever type: it is another's file
        gone = [seed.id for seed in seeded_entries() if seed.id not in there]
        return cls({"models": models, "dismissedSeeds": gone})

    def kind_of(self, model: str) -> str | None:
        """The kind that a row names, be it one that is known here or not; "" where it names
        none; None when there is no such row."""
        for row, name in self._rows:
            if name == model:
                return self.entries[name].kind or ""
            if _id_of(row) == model:
                return str(row.get("kind") or "")
        return None

    def take(self, row: Any) -> None:
        """Add a row as another file had it."""
        try:
            entry = msgspec.convert(row, CatalogueEntry)
        except msgspec.ValidationError as error:
            name = row.get("id") if isinstance(row, dict) else None
            self.unread[str(name)[:100]] = str(error)
            self._rows.append((row, None))
            return
        if entry.id not in self.entries:
            self._rows.append((row, entry.id))
            self.entries[entry.id] = entry

    def put(self, entry: CatalogueEntry) -> None:
        """Add ``entry`` or replace the one of its id."""
        if entry.id not in self.entries:
            self._rows = [row for row in self._rows if row[1] or _id_of(row[0]) != entry.id]
            self._rows.append((None, entry.id))
        self.entries[entry.id] = entry

    def remove(self, model: str) -> Any:
        """Take the row of ``model`` out, and give what it would have been written as; None
        when there is none."""
        for number, (row, name) in enumerate(self._rows):
            if model == (name or _id_of(row)):
                del self._rows[number]
                entry = self.entries.pop(model, None)
                return row if entry is None else _merged(row, entry)
        return None

    def encode(self) -> bytes:
        """The bytes of the file."""
        rows = [_merged(row, self.entries[name]) if name else row for row, name in self._rows]
        document = {**self._document, "models": rows}
        if self.dismissed or self._document.get("dismissedSeeds"):
            document["dismissedSeeds"] = self.dismissed
        else:
            document.pop("dismissedSeeds", None)
        return msgspec.json.format(msgspec.json.encode(document), indent=2)


def _id_of(row: Any) -> Any:
    return row.get("id") if isinstance(row, dict) else None


def _merged(row: dict[str, Any] | None, entry: CatalogueEntry) -> dict[str, Any]:
    """``entry`` over what was read under its id; what did not change stays to the letter."""
    if row is None:
        return written(entry)
    before, after = written(msgspec.convert(row, CatalogueEntry)), written(entry)
    gone = before.keys() - after.keys()
    kept = with_defaults({key: value for key, value in row.items() if key not in gone})
    changed = {
        key: value for key, value in after.items() if key not in kept or before.get(key) != value
    }
    return kept | changed
