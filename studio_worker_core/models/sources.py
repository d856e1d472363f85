"""The models a fresh catalogue knows: those that need no files at all."""

from __future__ import annotations

from studio_worker_core.first_party import MODELS
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.wire.models import ModelSource


def seeded_entries() -> list[CatalogueEntry]:
    """The first content of a catalogue."""
    return [
        CatalogueEntry(
            id=each.model,
            display_name=each.display_name,
            kind=each.kind,
            source=ModelSource(engine=each.engine),
            origin="seed",
        )
        for each in MODELS
    ]
