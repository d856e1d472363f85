"""What can be wrong with the bytes of a sound."""

from __future__ import annotations

from studio_worker_core.errors import StudioWorkerError

MOST_FRAMES = 2_000_000
"""Frames or pages that are counted: more than eleven hours of MP3."""
MOST_TRIES = 500_000
"""Places in a file that look like the start of a frame and are none: a second's work."""

_LOWEST_RATE, _HIGHEST_RATE = 1000, 1_536_000


class BrokenSound(StudioWorkerError):
    """The bytes are no sound of the type they begin as."""


def checked_rate(rate: int) -> int:
    """Samples a second.

    Raises:
        BrokenSound: no sound has such a rate; a length would mean nothing.
    """
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        raise BrokenSound(f"{rate} samples a second are no rate of a sound")
    return rate
