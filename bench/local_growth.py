"""What thousands of local jobs leave behind in a worker: memory, files, threads, the journal.

A real worker (``serve``) on this machine and small pictures of the synthetic engine over the local
API, one after the other. Prints a line for every tenth of them; what grows is seen at once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
import time
from pathlib import Path

import psutil
import requests

from studio_worker_core.journal.reader import JournalReader
from tests.support.processes import WorkerProcess
from tests.support.waiting import eventually

MEBIBYTE = 2**20


def left_in(directory: Path) -> int:
    """Entries of the directory for temporary files."""
    return sum(1 for _ in directory.iterdir())


def line_of(worker: WorkerProcess, done: int, seconds: float, temporary: Path) -> str:
    """What there is now."""
    host = psutil.Process(worker.pid)
    lanes = 0
    for child in host.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            lanes += child.memory_info().rss
    journal = worker.config.parent / "journal"
    size = sum(path.stat().st_size for path in journal.iterdir())
    return (
        f"{done:>7} {seconds:>8.1f} {host.memory_info().rss / MEBIBYTE:>8.1f} "
        f"{lanes / MEBIBYTE:>9.1f} {host.num_fds():>5} {host.num_threads():>8} "
        f"{left_in(temporary):>5} {size / MEBIBYTE:>12.1f}"
    )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        root, temporary = Path(directory), Path(directory) / "tmp"
        temporary.mkdir()
        settings = "local_api_port = 0\n"
        env = {"TMPDIR": str(temporary)}
        worker = WorkerProcess(
            root / "worker", "https://studio.invalid/", settings=settings, env=env
        )
        worker.argv[-1] = "serve"
        with worker:
            found = root / "worker" / "local-api.json"
            eventually("the local API", found.exists)
            there = json.loads(found.read_text("utf-8"))
            client = requests.Session()
            client.headers["authorization"] = f"Bearer {there['token']}"
            print(
                f"{'jobs':>7} {'seconds':>8} {'host MiB':>8} {'lanes MiB':>9} {'files':>5} "
                f"{'threads':>8} {'temp':>5} {'journal MiB':>12}"
            )
            began, step = time.monotonic(), max(options.jobs // 10, 1)
            for number in range(1, options.jobs + 1):
                body = {"prompt": "x", "model": "synthetic-image", "seed": number, "ext": "png"}
                answer = client.post(
                    f"{there['url']}/image", json={**body, "width": 16, "height": 16}, timeout=120
                )
                answer.raise_for_status()
                if number == 1 or number % step == 0:
                    print(line_of(worker, number, time.monotonic() - began, temporary), flush=True)
        counts = JournalReader(worker.config.parent / "journal" / "jobs.sqlite3").counts()
        print(f"in the journal: {counts}")


if __name__ == "__main__":
    main()
