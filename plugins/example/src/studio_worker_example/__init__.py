"""Misty hills at any hour of the day: the example engine plugin for studio-worker."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
