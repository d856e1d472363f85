"""Which seed a task is done with, and seeds for libraries that take fewer bits."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from studio_worker_core.seeds import MAX_SEED, draw_seed, folded_seed, seed_of, seeded
from studio_worker_core.wire.tasks import ImageTask, MeshTask, VideoTask


def _mesh(seed: int | None) -> MeshTask:
    return MeshTask("data:,", seed=seed)


def test_seeds_that_share_their_lower_bits_stay_different() -> None:
    for bits in (32, 63):
        seeds = [7, 2**bits + 7, MAX_SEED, 2**63 + 7, 2**bits - 1]
        assert len({folded_seed(seed, bits) for seed in seeds}) == len(set(seeds))
        assert all(0 <= folded_seed(seed, bits) < 2**bits for seed in seeds)
        assert folded_seed(7, bits) == 7


def test_a_drawn_seed_is_one_that_every_reader_of_json_keeps() -> None:
    drawn = [draw_seed() for _ in range(200)]
    assert all(int(float(seed)) == seed for seed in drawn)
    assert len({seed >> 50 for seed in drawn}) == 8


@pytest.mark.parametrize("made", [lambda seed: ImageTask("p", seed=seed), _mesh])
@pytest.mark.parametrize("seed", [None, -1, -(2**63)])
def test_a_task_that_leaves_its_seed_open_gets_another_each_time(
    made: Callable[[int | None], ImageTask | MeshTask], seed: int | None
) -> None:
    task = made(seed)
    first, second = seed_of(seeded(task)), seed_of(seeded(task))
    assert seed_of(task) is None
    assert first is not None
    assert first != second


@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**63, MAX_SEED])
def test_a_seed_that_is_asked_for_stays(seed: int) -> None:
    task = ImageTask("p", seed=seed)
    assert seeded(task) is task
    assert seed_of(task) == seed


def test_a_kind_without_a_seed_gets_none() -> None:
    task = VideoTask("p")
    assert seeded(task) is task
    assert seed_of(task) is None
