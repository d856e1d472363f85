"""Exclusive groups: of the models of one, at most one is in memory at a time."""

from __future__ import annotations

from studio_worker_core.models.catalogue import Catalogue
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.residency.loading import HostLanes


def transient_of_group(
    entry: CatalogueEntry, catalogue: Catalogue, lanes: HostLanes
) -> list[CatalogueEntry]:
    """What jobs left loaded of the group of ``entry``, other than itself. Reads a file."""
    group, warm = entry.exclusive_group, lanes.warm()
    if group is None or not warm:
        return []
    return [
        other
        for other in catalogue.entries()
        if other.exclusive_group == group
        and other.id != entry.id
        and (other.source.engine, other.id) in warm
    ]
