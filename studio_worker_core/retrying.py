"""When to try again: after which answers, and after which pause.

Pure: time, chance and the waiting itself are the caller's.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from enum import Enum
from typing import NamedTuple

_NOT_KNOWN = frozenset({401, 404})
_BUSY = frozenset({408, 425, 429})
_MAX_RETRY_AFTER_SECONDS = 3600.0


class Asking(Enum):
    """What was asked of a server, where that decides what its answer means."""

    RESULT = "result"
    """To take a result (protocol §4), and whatever has no rule of its own."""
    DECISION = "decision"
    """For the decision on a registration request (protocol §2): any answer but 401 and 404
    leaves the request as it is. Making one is tried again whatever the answer."""
    SESSION = "session"
    """For a session (protocol §3): any answer but 401 and 404 is a disconnect."""
    FILE = "file"
    """For a model file or an input, of any server at all: many say with a 4xx that they are
    busy (408, 425, 429), and a redirect that cannot be followed leads nowhere later, too."""


def is_transient_status(status: int, asking: Asking = Asking.RESULT) -> bool:
    """Whether the same request may be answered otherwise later.

    The rule is protocol §4: never after a 4xx, always after anything else outside 2xx.
    ``asking`` names the uses that differ from it, each with its reason.
    """
    match asking:
        case Asking.RESULT:
            return not 400 <= status < 500
        case Asking.DECISION | Asking.SESSION:
            return status not in _NOT_KNOWN
        case Asking.FILE:
            return status in _BUSY or status >= 500


class Backoff(NamedTuple):
    """Pauses of ``first``, 2 × ``first``, 4 × ``first`` … seconds, at most ``longest``.

    Each is drawn between ``low`` and ``high`` times that, so that those who lost the same
    server do not come back in one wave, and is never shorter than ``shortest``.
    """

    first: float
    longest: float = math.inf
    low: float = 1.0
    high: float = 1.0
    shortest: float = 0.0

    def pause(self, failures: int, roll: float = 0.0) -> float:
        """Seconds to wait after that many failures in a row (at least 1); ``roll`` is a random
        number in [0, 1)."""
        plain = min(self.first * 2.0 ** min(failures - 1, 60), self.longest)
        return max(plain * (self.low + (self.high - self.low) * roll), self.shortest)


def retry_after_seconds(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds a ``Retry-After`` header asks for (number or date), at most an hour."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        # Imported here: --help waits for this module, and reads no header.
        from email.utils import parsedate_to_datetime

        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER_SECONDS)
