"""A whole soak: chaos, settling, steady state, books."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from tests.soak.books import Books, faults_of_growth, read_books
from tests.soak.measure import Growth, growth, marked, sizes
from tests.soak.plan import calm_job, random_action, random_job
from tests.soak.stage import Stage
from tests.support.waiting import eventually

_CHAOS_PART = 0.6
_STEADY_PART = 0.3
_SETTLE_SECONDS = 180.0
_MOST_WAITING = 12


class SoakResult(Struct, frozen=True):
    """Everything a soak has to tell."""

    seed: int
    seconds: float
    actions: dict[str, int]
    books: Books
    grown: list[Growth]
    steady_jobs: int
    steady_seconds: float

    @property
    def faults(self) -> list[str]:
        """What does not add up; empty when all is well."""
        return self.books.faults


def soak(
    root: Path, *, seconds: float, seed: int, say: Callable[[str], None] = lambda _: None
) -> SoakResult:
    """Run for about ``seconds``, and then as long as it takes to settle.

    Raises:
        AssertionError: it does not settle.
    """
    started = time.monotonic()
    rng = random.Random(seed)
    with Stage(root, rng) as stage:
        say(f"chaos for {seconds * _CHAOS_PART:.0f} s")
        actions = _chaos(stage, rng, started + seconds * _CHAOS_PART)
        say(f"{len(stage.jobs)} jobs submitted; settling")
        stage.settle(_SETTLE_SECONDS)
        say(f"steady for {seconds * _STEADY_PART:.0f} s")
        began = time.monotonic()
        grown, count = _steady(stage, rng, seconds * _STEADY_PART)
        steady_seconds = time.monotonic() - began
        books = read_books(stage)
        mark = stage.mark
    faults = [*books.faults, *faults_of_growth(grown)]
    try:
        eventually("no orphans", lambda: not marked(mark), timeout=60)
    except AssertionError:
        faults += [f"orphan: {process}" for process in marked(mark)]
    return SoakResult(
        seed=seed,
        seconds=time.monotonic() - started,
        actions=dict(actions),
        books=replace(books, faults=faults),
        grown=grown,
        steady_jobs=count,
        steady_seconds=steady_seconds,
    )


def _chaos(stage: Stage, rng: random.Random, until: float) -> Counter[str]:
    actions: Counter[str] = Counter()
    while time.monotonic() < until:
        action = random_action(rng)
        if action != "submit":
            stage.act(action)
        elif stage.waiting() < _MOST_WAITING:
            stage.submit(random_job(rng))
        else:
            stage.pause(0.5)
            continue
        actions[action] += 1
        stage.look_after_workers()
        stage.pause(rng.uniform(0.0, 0.5))
    return actions


def _steady(stage: Stage, rng: random.Random, seconds: float) -> tuple[list[Growth], int]:
    """Growth of the processes under jobs that go well, and how many jobs that were."""
    before = len(stage.jobs)
    _work(stage, rng, seconds / 3)  # caches fill, engines load
    first = sizes(stage)
    _work(stage, rng, seconds * 2 / 3)
    stage.settle(_SETTLE_SECONDS)
    return growth(first, sizes(stage)), len(stage.jobs) - before


def _work(stage: Stage, rng: random.Random, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if stage.waiting() < _MOST_WAITING:
            stage.submit(calm_job(rng))
        else:
            stage.pause(0.05)
        stage.look_after_workers()
