"""Growing pauses between attempts."""

from __future__ import annotations

import random

__all__ = ["Backoff"]


class Backoff:
    """Pauses of ``first``, 2 × ``first``, 4 × ``first`` … seconds, at most ``cap``.

    ``jitter`` (0…1) is the largest share that is added on top at random, so that workers
    that lost the same studio do not come back in one wave. A pause is never shorter than
    the plain schedule says and never longer than ``cap × (1 + jitter)``.
    """

    def __init__(
        self, first: float, cap: float, jitter: float = 0.25, rng: random.Random | None = None
    ) -> None:
        self._first = first
        self._cap = cap
        self._jitter = jitter
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._step = 0

    def next(self) -> float:
        """Seconds to wait before the coming attempt; each call moves one step on."""
        plain = min(self._first * 2.0 ** min(self._step, 60), self._cap)
        self._step += 1
        return plain * (1.0 + self._jitter * self._rng.random())

    def reset(self) -> None:
        """Start again at ``first``: the last attempt worked."""
        self._step = 0
