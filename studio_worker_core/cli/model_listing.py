"""The rows of ``models list``."""

from __future__ import annotations

from typing import Any

from studio_worker_core.models.catalogue import Catalogue
from studio_worker_core.models.residency import Residency
from studio_worker_core.models.store import ModelStore


def listing(store: ModelStore, catalogue: Catalogue) -> list[dict[str, Any]]:
    """The models of the catalogue, then those that only have files on disk."""
    stored = {found.model: found for found in store.models()}
    resident = Residency(catalogue.path.with_name("residency.json")).resident()
    rows = []
    for entry in catalogue.entries():
        found = stored.pop(entry.id, None)
        wanted = {file.filename for file in entry.source.files}
        present = wanted & set(found.files) if found else set()
        state = "ready" if present == wanted else ("partial" if present else "not downloaded")
        rows.append(
            {
                "id": entry.id,
                "displayName": entry.display_name or entry.id,
                "kind": entry.kind,
                "engine": entry.source.engine,
                "vramGbEstimate": entry.vram_gb_estimate,
                "enabled": entry.enabled,
                "origin": entry.origin,
                "files": len(wanted),
                "filesPresent": len(present),
                "bytes": found.size if found else 0,
                "state": state,
                "resident": entry.id in resident,
            }
        )
    for found in stored.values():
        rows.append(
            {
                "id": found.model,
                "displayName": found.model,
                "kind": None,
                "engine": "",
                "vramGbEstimate": 0.0,
                "enabled": True,
                "origin": "disk",
                "files": len(found.files),
                "filesPresent": len(found.files),
                "bytes": found.size,
                "state": "ready",
                "resident": found.model in resident,
            }
        )
    return rows
