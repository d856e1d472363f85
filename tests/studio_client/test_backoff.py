"""Pauses grow, stay bounded and start again."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.studio_client.backoff import Backoff


def test_pauses_double_up_to_the_cap() -> None:
    backoff = Backoff(2.0, 30.0, jitter=0.0)
    assert [backoff.next() for _ in range(6)] == [2, 4, 8, 16, 30, 30]


def test_a_reset_starts_at_the_first_pause() -> None:
    backoff = Backoff(1.0, 30.0, jitter=0.0)
    backoff.next()
    backoff.next()
    backoff.reset()
    assert backoff.next() == 1.0


def test_the_same_seed_gives_the_same_pauses() -> None:
    def pauses() -> list[float]:
        backoff = Backoff(1.0, 8.0, rng=random.Random(7))
        return [backoff.next() for _ in range(5)]

    assert pauses() == pauses()


@given(
    st.floats(0.001, 100),
    st.floats(0.001, 1000),
    st.floats(0, 1),
    st.integers(),
    st.integers(1, 80),
)
def test_a_pause_is_never_below_the_schedule_nor_far_above_the_cap(
    first: float, cap: float, jitter: float, seed: int, calls: int
) -> None:
    backoff = Backoff(first, cap, jitter, random.Random(seed))
    for step in range(calls):
        plain = min(first * 2.0**step, cap)
        assert plain <= backoff.next() <= plain * (1 + jitter) * (1 + 1e-9)
