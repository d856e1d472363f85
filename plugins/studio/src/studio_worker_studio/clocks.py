"""The two kinds of time, passed in so that a test can put them forward."""

from __future__ import annotations

import time
from collections.abc import Callable

from msgspec import Struct


class Clocks(Struct, frozen=True):
    """Times in seconds: ``now`` only ever goes forward, ``wall`` is since the epoch and is
    what the database keeps."""

    now: Callable[[], float]
    wall: Callable[[], float]


REAL_CLOCKS = Clocks(now=time.monotonic, wall=time.time)
