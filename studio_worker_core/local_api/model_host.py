"""What the routes and the page ask of the model host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.residency.hosted import HostedModel


class ModelHost(Protocol):
    """The models of the catalogue, and which of them are loaded. Any thread may call, and each
    call reads files: none belongs on an event loop."""

    def models(self) -> Sequence[HostedModel]:
        """Every model, in the order of the catalogue."""

    def find(self, model: str) -> HostedModel:
        """One model. Raises :class:`~studio_worker_core.errors.ModelUnknown`."""

    def load(self, model: str) -> HostedModel:
        """Have it loaded, and kept so; back at once, with where it is by then.

        Raises:
            ModelUnknown, ModelDisabled, InsufficientMemory, ResidencyNotSaved: it will not be.
        """

    def unload(self, model: str) -> HostedModel:
        """Have it unloaded; back at once. Raises ModelUnknown, ResidencyNotSaved."""

    def put(self, entry: CatalogueEntry) -> None:
        """Add an entry, or replace the one of its id. Raises ModelStoreError."""

    def delete(self, model: str) -> bool:
        """Remove an entry, and unload it; False where there is none. Raises ModelStoreError."""
