"""At most so many events a minute from one source, as a sliding window."""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict, deque
from collections.abc import Callable

_WINDOW_SECONDS = 60.0


def network_of(address: str) -> str:
    """What counts as one source: an address, or the /64 that one IPv6 host has to itself."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 4 or found.is_loopback:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False))


class RateLimit:
    """Counts events per source. Bounded: the longest unseen sources are forgotten."""

    def __init__(
        self, per_minute: int, *, clock: Callable[[], float], max_sources: int = 10_000
    ) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._max_sources = max_sources
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, source: str) -> int | None:
        """Count one event. None when it is allowed, else the whole seconds to wait."""
        now = self._clock()
        times = self._seen.setdefault(source, deque())
        self._seen.move_to_end(source)
        while len(self._seen) > self._max_sources:
            self._seen.popitem(last=False)
        while times and times[0] <= now - _WINDOW_SECONDS:
            times.popleft()
        if len(times) >= self._per_minute:
            return max(1, math.ceil(times[0] + _WINDOW_SECONDS - now))
        times.append(now)
        return None
