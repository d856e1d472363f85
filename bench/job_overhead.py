"""What the worker adds to a job: offer to acknowledged, and jobs a second.

A real studio and a real worker process on this machine; the synthetic engine draws pictures of
16×16 (next to nothing) and 512×512, one after the other. Prints medians and ratios of one run.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import psutil

from tests.support.field import Field

SOURCE = {"engine": "synthetic", "files": []}


def seconds_of(job: dict[str, str]) -> float:
    """From the claim to the end, by the studio's clock."""
    claimed = datetime.fromisoformat(job["claimedAt"])
    return (datetime.fromisoformat(job["finishedAt"]) - claimed).total_seconds()


def run(field: Field, side: int, count: int) -> tuple[float, float]:
    """Median seconds of a job, and jobs a second with a full queue."""
    task = {"kind": "image", "prompt": "bench", "width": side, "height": side, "ext": "png"}
    jobs = [
        field.operator.submit("synthetic", {**task, "seed": seed}, modelSource=SOURCE)
        for seed in range(count)
    ]
    first = field.operator.wait_job(jobs[0])
    last = field.operator.wait_job(jobs[-1], timeout=300)
    done = [field.operator.job(job) for job in jobs]
    assert all(job["state"] == "done" for job in done)
    began = datetime.fromisoformat(first["claimedAt"])
    span = (datetime.fromisoformat(last["finishedAt"]) - began).total_seconds()
    return statistics.median(map(seconds_of, done)), count / span


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=60)
    parser.add_argument("--idle-seconds", type=float, default=10.0)
    options = parser.parse_args()
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        field = Field(root, stack)
        started = time.monotonic()
        field.start_studio("--auto-approve")
        worker = field.worker()
        field.operator.wait_worker("idle")
        print(f"empty config to connected: {time.monotonic() - started:.2f} s (studio included)")
        run(field, 16, 5)
        print(f"{'picture':<10} {'median job':>12} {'jobs/s':>8} {'ratio':>6}")
        base = None
        for side in (16, 512):
            median, rate = run(field, side, options.jobs)
            base = base or median
            print(f"{side}×{side:<6} {median * 1000:>9.1f} ms {rate:>8.1f} {median / base:>5.2f}×")
        process = psutil.Process(worker.pid)
        before = sum(process.cpu_times()[:2])
        time.sleep(options.idle_seconds)
        used = sum(process.cpu_times()[:2]) - before
        memory = process.memory_info().rss / 2**20
        print(
            f"idle worker: {100 * used / options.idle_seconds:.2f} % of a core, {memory:.0f} MB RSS"
        )


if __name__ == "__main__":
    main()
