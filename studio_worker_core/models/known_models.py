"""The models that the files of the catalogue and the seeds name together."""

from __future__ import annotations

from studio_worker_core.models.catalogue_file import CatalogueFile
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.models.original_shape import is_readable_there
from studio_worker_core.models.sources import seeded_entries


class KnownModels:
    """``shared`` is the file of both workers, ``own`` has what only this one can read.

    Seeds are not written: they are there unless an entry of their id is, or they were deleted.
    """

    def __init__(self, shared: CatalogueFile, own: CatalogueFile) -> None:
        self.shared = shared
        self.own = own
        self._seeds = {seed.id: seed for seed in seeded_entries()}

    def entries(self) -> dict[str, CatalogueEntry]:
        """Every model by id."""
        found = {**self.own.entries, **self.shared.entries}
        deleted = {seed for seed in self.shared.dismissed if isinstance(seed, str)}
        seeds = {name: seed for name, seed in self._seeds.items() if name not in deleted}
        in_order = [*self.shared.entries, *self.own.entries, *seeds]
        return {model: found.get(model) or seeds[model] for model in in_order}

    def put(self, entry: CatalogueEntry) -> None:
        """Add ``entry`` or replace the one of its id."""
        here, there = self.shared, self.own
        if not is_readable_there(entry):
            here, there = there, here
        if entry.id not in here.entries and (row := there.remove(entry.id)) is not None:
            here.take(row)  # with the keys of others
        here.put(entry)

    def remove(self, model: str) -> bool:
        """Take a model out; what the other worker or this one would add by itself stays out."""
        was_known = model in self.entries()
        rows = [file.remove(model) for file in (self.shared, self.own)]
        found = was_known or any(row is not None for row in rows)
        # The original worker marks its seeds as the operator's own, so those count as seeds.
        may_be_seed = isinstance(rows[0], dict) and rows[0].get("origin") != "studio"
        if (model in self._seeds or may_be_seed) and model not in self.shared.dismissed:
            self.shared.dismissed.append(model)
        return found

    def sort(self) -> None:
        """Have each entry in the file that it belongs to; earlier versions had one for all."""
        for entry in list(self.shared.entries.values()):
            if entry == self._seeds.get(entry.id):
                self.shared.remove(entry.id)
            elif not is_readable_there(entry):
                self.own.take(self.shared.remove(entry.id))
