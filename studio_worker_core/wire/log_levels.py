"""The words for how much a log line matters, as they are sent and kept."""

from __future__ import annotations

import logging
from typing import Literal

LevelWord = Literal["debug", "info", "warn", "error"]


def level_word(number: int) -> LevelWord:
    """The word for a level of :mod:`logging`."""
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    return "info" if number >= logging.INFO else "debug"
