"""Whether what is loaded is still what the catalogue and the disk have under its name."""

from __future__ import annotations

from studio_worker_core.lanes.model_identity import ModelIdentity, model_identity
from studio_worker_core.plugin import Model
from studio_worker_core.wire.models import ModelSource


class Freshness:
    """What each model was loaded from. Safe to use from any thread: entries are replaced whole."""

    def __init__(self) -> None:
        self._sources: dict[str, ModelSource] = {}
        self._loaded: dict[str, tuple[Model, ModelIdentity]] = {}
        self._seen: dict[str, ModelIdentity] = {}

    def begins(self, model: str, source: ModelSource) -> None:
        """A load from there begins."""
        self._sources[model] = source

    def loaded(self, model: Model, identity: ModelIdentity) -> None:
        """It has ended well, of files that were this before it."""
        self._loaded[model.name] = (model, identity)

    def forget(self, model: str) -> None:
        """It is unloaded."""
        for noted in (self._sources, self._loaded, self._seen):
            noted.pop(model, None)

    def is_from(self, model: str, source: ModelSource) -> bool:
        """Whether that is where it was loaded from, or was to be."""
        return self._sources.get(model) == source

    def is_from_elsewhere(self, model: str, source: ModelSource) -> bool:
        """Whether it was loaded, or was to be, and not from there."""
        return self._sources.get(model, source) != source

    def has_other_files(self, model: str) -> bool:
        """Whether the files are others than those it was loaded from, and were the same others
        when this was asked before: one that is being copied changes all the time. Files that
        are missing are none. Asks the disk."""
        noted = self._loaded.get(model)
        if noted is None:
            return False
        now, before = model_identity(noted[0]), self._seen.get(model)
        self._seen[model] = now
        return now == before != noted[1] and now.is_whole
