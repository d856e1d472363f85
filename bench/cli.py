"""Wall time of the command: ``--help``, ``--version``, ``engines list``, against bare Python.

Each is started as a process of its own, in turns, so that a busy machine slows all of them
alike; the ratio to bare Python is what to compare between machines.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODULE = ["-m", "studio_worker_core.cli.main"]
CASES: dict[str, list[str]] = {
    "bare python": ["-c", "pass"],
    "import typer": ["-c", "import typer"],
    "--version": [*MODULE, "--version"],
    "--help": [*MODULE, "--help"],
    "engines list --help": [*MODULE, "engines", "list", "--help"],
    "engines list": [*MODULE, "engines", "list"],
    "status --json": [*MODULE, "status", "--json"],
}


def wall_ms(arguments: list[str], environ: dict[str, str]) -> float:
    """Milliseconds from start to end of one process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=environ, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - started) * 1000


def main() -> None:
    """Measure all cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as home:
        environ = {
            **os.environ,
            "XDG_CONFIG_HOME": str(Path(home) / "config"),
            "XDG_CACHE_HOME": str(Path(home) / "cache"),
        }
        first = wall_ms(CASES["--help"], environ)
        samples: dict[str, list[float]] = {name: [] for name in CASES}
        for _ in range(rounds):
            for name, arguments in CASES.items():
                samples[name].append(wall_ms(arguments, environ))
    bare = statistics.median(samples["bare python"])
    print(f"{'case':22}{'median ms':>10}{'best ms':>10}{'× bare':>9}")
    print(f"{'--help, no cache yet':22}{first:10.0f}{first:10.0f}{first / bare:9.1f}")
    for name, times in samples.items():
        median = statistics.median(times)
        print(f"{name:22}{median:10.0f}{min(times):10.0f}{median / bare:9.1f}")


if __name__ == "__main__":
    main()
