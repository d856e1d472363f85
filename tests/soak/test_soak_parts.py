"""What the endurance test does to its processes really reaches them."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.soak.clock import JumpingClock
from tests.soak.shelf import ModelShelf, content


def test_a_process_on_the_jumping_clock_sees_it_jump_and_counts_seconds_all_the_same(
    tmp_path: Path,
) -> None:
    with JumpingClock(tmp_path) as clock:
        clock.set(-86_400.0)
        env = {**os.environ, **clock.env, "PYTHONPATH": str(tmp_path)}
        code = "import time; print(time.time(), time.monotonic())"
        before = time.monotonic()
        told = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        ).stdout.split()
        wall, now = float(told[0]), float(told[1])
        assert abs(time.time() - 86_400.0 - wall) < 3600
        assert before <= now <= time.monotonic()


def test_every_version_of_the_model_stays_on_its_shelf() -> None:
    with ModelShelf() as shelf:
        rng = random.Random(1)
        files = [shelf.change(rng)["source"]["files"][0] for _ in range(3)]
        assert len({file["sha256"] for file in files}) == 3
        for version, file in enumerate(files, 1):
            with urllib.request.urlopen(file["url"]) as answer:
                assert answer.read() == content(version)
