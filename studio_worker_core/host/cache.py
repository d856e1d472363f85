"""Where this program's caches are."""

from __future__ import annotations

from pathlib import Path

from studio_worker_core.storage.places import place_for


def cache_directory() -> Path:
    """Where what can be made again is kept.

    Raises:
        RuntimeError: no home directory is known.
    """
    return place_for("cache") / "minis-studio-worker"
