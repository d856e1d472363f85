"""The root of every error raised on purpose."""

from __future__ import annotations


class StudioWorkerError(Exception):
    """Root of every error raised on purpose by studio-worker."""
