"""The models that programs of this machine can use, the preferred ones first."""

from __future__ import annotations

from collections.abc import Iterable

from studio_worker_core.local_api.work import Served
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.roster.chatting import chat_abilities
from studio_worker_core.roster.roster import RosterEntry
from studio_worker_core.wire.models import ModelSource

_ORIGINS = ("local", "studio", "seed", "engine")
_PLACEHOLDERS = "synthetic"
"""The engine whose models are meant only when nothing else does the kind of work."""


def served_models(
    engines: Iterable[RosterEntry], catalogue: Iterable[CatalogueEntry]
) -> list[Served]:
    """What the ready ones of ``engines`` serve, of the catalogue and of their own; what a
    request without a model means comes first. Costs the number of models."""
    ready = {entry.engine: entry for entry in engines if entry.ready}
    found = [
        *(model for each in catalogue for model in _of_catalogue(each, ready)),
        *(model for entry in ready.values() for model in _of_engine(entry)),
    ]
    return sorted(found, key=_rank)


def _of_catalogue(entry: CatalogueEntry, ready: dict[str, RosterEntry]) -> list[Served]:
    engine = ready.get(entry.source.engine)
    if engine is None or not entry.enabled:
        return []
    any_model = f"{engine.engine}:*"
    return [
        Served(
            entry.id,
            kind,
            entry.source,
            tuple(engine.extensions),
            entry.origin,
            entry.vram_gb_estimate,
            engine.options,
            chat_abilities(engine),
        )
        for kind in engine.kinds
        if entry.kind in (None, kind) and ({entry.id, any_model} & set(engine.models.get(kind, ())))
    ]


def _of_engine(entry: RosterEntry) -> list[Served]:
    return [
        Served(
            name,
            kind,
            ModelSource(engine=entry.engine),
            tuple(entry.extensions),
            options=entry.options,
            able=chat_abilities(entry),
        )
        for kind in entry.kinds
        for name in entry.models.get(kind, ())
        if not name.endswith(":*")
    ]


def _rank(model: Served) -> tuple[bool, int, int, str]:
    """What a request without a model means: a person's own first, then the plainest name."""
    is_placeholder = model.source.engine == _PLACEHOLDERS
    return is_placeholder, _ORIGINS.index(model.origin), len(model.id), model.id
