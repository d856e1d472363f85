"""The state of the noise for seeds that a library's own seeding would cut."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_image.diffusion.noise import state_words

_LARGE = st.integers(2**32, 2**64 - 1)


def _drawn(seed: int) -> tuple[int, ...]:
    twister = np.random.MT19937()
    state = twister.state
    state["state"] = {"key": state_words(seed), "pos": 624}
    twister.state = state
    return tuple(int(number) for number in twister.random_raw(8))


@given(_LARGE, _LARGE)
def test_two_seeds_never_share_a_state(first: int, second: int) -> None:
    same = bool((state_words(first) == state_words(second)).all())
    assert same == (first == second)


def test_seeds_that_share_their_lower_or_upper_bits_draw_other_numbers() -> None:
    seeds = [2**32 + 7, 2**33 + 7, 2**63 + 7, 2**63, 2**63 + 1, 2**64 - 1]
    assert len({_drawn(seed) for seed in seeds}) == len(seeds)


def test_a_seed_draws_the_same_numbers_again() -> None:
    assert _drawn(2**40) == _drawn(2**40)
