"""How long the engine ``procedural`` takes for 512 × 512, pattern by pattern.

Run ``python bench/image_engine.py [--side 512] [--rounds 9] [--ext webp]``. The baseline, drawn
in the same run, is one field of plain noise through a lookup table, without a file. Prints
medians in milliseconds and the ratio of the whole job to the baseline.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# One core, so that runs compare.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from studio_worker_core.plugin import ImageTask, Model
from studio_worker_core.testing.jobs import make_job
from studio_worker_image.drawing import draw, ramp_of
from studio_worker_image.engine import ProceduralEngine
from studio_worker_image.families.brief import index
from studio_worker_image.fields import Noise
from studio_worker_image.ramps import unpack
from studio_worker_image.reading import Recipe, read_prompt
from studio_worker_image.words import FAMILIES


def _median_ms(work: Callable[[int], object], rounds: int) -> float:
    took = []
    for number in range(rounds + 1):
        started = time.perf_counter()
        work(number)
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took[1:])


def _plain(side: int, seed: int) -> object:
    noise = Noise(np.random.default_rng(seed), 4.0, 6)
    at = np.arange(side, dtype=np.float32) / np.float32(side)
    table = ramp_of(read_prompt("ocean", None)).table(1024)
    return unpack(table.take(index(noise(at, at) * 0.5 + 0.5, 1024), mode="clip"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--ext", default="webp")
    options = parser.parse_args()
    side, rounds = options.side, options.rounds
    baseline = _median_ms(lambda seed: _plain(side, seed), rounds)
    print(f"{'pattern':10} {'drawn ms':>9} {'job ms':>8} {'ratio':>6}")
    print(f"{'(plain)':10} {baseline:9.1f} {'':>8} {1:6.1f}")
    with tempfile.TemporaryDirectory() as directory:
        for family in FAMILIES:
            model = Model(f"procedural-{family}")
            engine = ProceduralEngine()
            engine.load(model)
            recipe = read_prompt(family, None, family=family)

            def only_draw(seed: int, recipe: Recipe = recipe) -> object:
                return draw(
                    recipe,
                    ramp_of(recipe),
                    width=side,
                    height=side,
                    steps=20,
                    seed=seed,
                    on_band=lambda _: None,
                )

            def whole(seed: int, engine: ProceduralEngine = engine, model: Model = model) -> object:
                task = ImageTask(
                    prompt=model.name, width=side, height=side, seed=seed, ext=options.ext
                )
                return engine.generate(make_job(task, Path(directory), model=model))

            drawn, done = _median_ms(only_draw, rounds), _median_ms(whole, rounds)
            print(f"{family:10} {drawn:9.1f} {done:8.1f} {done / baseline:6.1f}")


if __name__ == "__main__":
    main()
