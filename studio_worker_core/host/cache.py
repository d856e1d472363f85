"""Where this program's caches are."""

from __future__ import annotations

from studio_worker_core.storage.places import name_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def cache_directory() -> Path:
    """Where what can be made again is kept.

    Raises:
        RuntimeError: no home directory is known.
    """
    from pathlib import Path

    return Path(cache_name())


def cache_name() -> str:
    """The same as a text, for ``--help``, which has no time for more.

    Raises:
        RuntimeError: no home directory is known.
    """
    return f"{name_for('cache')}/minis-studio-worker"
