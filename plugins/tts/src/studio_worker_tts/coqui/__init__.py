"""The engine ``coqui``: any Coqui TTS model that is given as files.

Only :mod:`.library` and :mod:`.engine` touch PyTorch and the library, and only in the engine's
own process; everything else is light and runs anywhere.
"""

from __future__ import annotations

import importlib.util

__all__ = ["installed"]


def installed() -> bool:
    """Whether the library is there, found out without importing it."""
    try:
        return all(importlib.util.find_spec(name) is not None for name in ("TTS", "torch"))
    except (ImportError, ValueError):  # a half-removed package
        return False
