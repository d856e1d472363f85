"""The models a new studio knows: those of the first-party engines."""

from __future__ import annotations

from collections.abc import Iterator

from studio_worker_core.first_party import MODELS
from studio_worker_core.wire.models import ModelSource
from studio_worker_studio.store.records import ModelRecord


def first_party_models() -> Iterator[ModelRecord]:
    """The registry's first content; none of these needs files or GPU memory."""
    for each in MODELS:
        yield ModelRecord(
            model_id=each.model,
            display_name=each.display_name,
            kind=each.kind,
            vram_gb=0.0,
            source=ModelSource(engine=each.engine),
        )
