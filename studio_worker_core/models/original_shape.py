"""What the original worker reads in ``models.json``; one entry it can't read costs it the file.

It knows a closed list of engines, kinds and roles, and has no default for anything of a source.
Seen with 0.4.35: engine, kind, role, ``files`` or a number of ``cliDefaults`` unknown or missing,
and it sets the whole catalogue aside.
"""

from __future__ import annotations

from typing import Any

import msgspec

from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.wire.models import KNOWN_ENGINES

_ROLES = frozenset(
    {
        *("diffusion-model", "text-encoder", "text-encoder-vision", "vae", "lora", "model"),
        "labels",
    }
)
_NUMBERS = {"cfgScale": 0.0, "steps": 0, "width": 0, "height": 0}


def is_readable_there(entry: CatalogueEntry) -> bool:
    """Whether the original worker has words for this model."""
    source = entry.source
    return (
        entry.kind is not None
        and source.engine in KNOWN_ENGINES
        and all(file.role in _ROLES for file in source.files)
    )


def written(entry: CatalogueEntry) -> dict[str, Any]:
    """The entry as JSON data, with everything that other readers have no default for."""
    plain: dict[str, Any] = msgspec.to_builtins(entry)
    return with_defaults(plain)


def with_defaults(plain: dict[str, Any]) -> dict[str, Any]:
    """``plain`` (the JSON of an entry) with what is missing in it; the rest as it is."""
    source = plain["source"]
    defaults = dict(source.get("cliDefaults") or {})
    for name, zero in _NUMBERS.items():
        if defaults.get(name) is None:
            defaults[name] = zero
    full = {**source, "files": source.get("files") or [], "cliDefaults": defaults}
    rest = {"displayName": plain["id"], "vramGbEstimate": 0.0, "enabled": True, "origin": "local"}
    missing = {key: value for key, value in rest.items() if plain.get(key) in (None, "")}
    return {**plain, "source": full, **missing}
