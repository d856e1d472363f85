"""How a ``studio-worker studio`` command ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Finished", "Good", "Run"]


class Finished(NamedTuple):
    """Exit status, standard output and standard error."""

    code: int
    out: str
    err: str


Run = Callable[..., Finished]
"""Runs a command with arguments, and variables of the environment as keywords."""
Good = Callable[..., str]
"""As :data:`Run` for what has to succeed; what it wrote."""
