"""What plugins cost at start: ``--help`` and ``engines list`` with 0, 5 and 30 of them.

The plugins are installed distributions with one engine each, in a directory of their own; one
of them sleeps three seconds when it is imported.
Each command is a process; all cases take turns, so that a busy machine slows all of them
alike. ``ratio`` compares with no plugins at all. ``first`` is the first ``--help`` after the
set of plugins changed, which asks them for their commands; the later ones read a cache.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.plugin_builder import build_plugin, good_source

COUNTS = (0, 5, 30)
SLOW_SECONDS = 3
COMMANDS = {"--help": ["--help"], "engines list": ["engines", "list"]}


def wall_ms(arguments: list[str], environ: dict[str, str]) -> float:
    """Milliseconds from start to end of one process."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "studio_worker_core.cli.main", *arguments],
        env=environ,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return (time.perf_counter() - started) * 1000


def environ_with(root: Path, count: int) -> dict[str, str]:
    """The environment of a worker with ``count`` plugins beside the built-in engine."""
    site = root / f"site-{count}"
    site.mkdir()
    names = [f"bench{number}" for number in range(count)]
    for name in names:
        slow = f"import time\ntime.sleep({SLOW_SECONDS})\n" if name == names[-1] else ""
        build_plugin(site, name, slow + good_source(name))
    return {
        **os.environ,
        "PYTHONPATH": str(site),
        # What else is installed here is left out of the comparison.
        "STUDIO_WORKER_PLUGINS": ",".join(names),
        "XDG_CONFIG_HOME": str(root / f"config-{count}"),
        "XDG_CACHE_HOME": str(root / f"cache-{count}"),
    }


def check_ready(environ: dict[str, str], count: int) -> None:
    """A broken plugin would be cheaper than it should be."""
    shown = subprocess.run(
        [sys.executable, "-m", "studio_worker_core.cli.main", "engines", "list", "--json"],
        env=environ,
        check=True,
        capture_output=True,
    )
    ready = [entry for entry in json.loads(shown.stdout) if entry["state"] == "ready"]
    if len(ready) != count + 1:
        raise SystemExit(f"{len(ready)} engines are ready, {count + 1} should be")


def main() -> None:
    """Measure all cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as home:
        environs = {count: environ_with(Path(home), count) for count in COUNTS}
        first = {count: wall_ms(["--help"], environ) for count, environ in environs.items()}
        for count, environ in environs.items():
            check_ready(environ, count)
        times: dict[tuple[str, int], list[float]] = {}
        for _ in range(rounds):
            for name, arguments in COMMANDS.items():
                for count, environ in environs.items():
                    times.setdefault((name, count), []).append(wall_ms(arguments, environ))
    print(f"{'command':16}{'plugins':>8}{'median ms':>11}{'best ms':>9}{'ratio':>7}{'first':>7}")
    for (name, count), samples in times.items():
        median = statistics.median(samples)
        ratio = median / statistics.median(times[name, 0])
        once = f"{first[count]:.0f}" if name == "--help" else ""
        print(f"{name:16}{count:8}{median:11.0f}{min(samples):9.0f}{ratio:7.2f}{once:>7}")
    each = statistics.median(times["engines list", 30]) - statistics.median(
        times["engines list", 0]
    )
    print(f"one plugin more adds {each / 30:.1f} ms to engines list")


if __name__ == "__main__":
    main()
