"""Where this user's caches are."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["cache_directory"]


def cache_directory() -> Path:
    """Where this user's caches are on this platform.

    Raises:
        RuntimeError: no home directory is known.
    """
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        root = Path(local) if local else Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        chosen = Path(os.environ.get("XDG_CACHE_HOME") or "")
        root = chosen if chosen.is_absolute() else Path.home() / ".cache"
    return root / "minis-studio-worker"
