"""What grows with a studio, and what does not: an idle heartbeat beside more workers, a claim
before longer queues and beside more models.

``python bench/studio_growth.py`` prints medians, with ratios to the smallest of each kind.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import msgspec

from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.frames import Heartbeat
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask, TaskKind
from studio_worker_studio.conversation import Conversation
from studio_worker_studio.dispatch import Lane, Wanted
from studio_worker_studio.sessions import Session
from studio_worker_studio.settings import Settings
from studio_worker_studio.shapes import Shape
from studio_worker_studio.store.records import NewJob
from studio_worker_studio.studio import Studio

ROUNDS = 200
PICTURE = ImageTask(prompt="p")
CAPABILITIES = Capabilities(
    machine_name="bench",
    username="bench",
    agent_version="0",
    engine="multi",
    vram_total_gb=16.0,
    vram_threshold_gb=8.0,
    auto_enabled=True,
    auto_start=False,
    supported_models=["mine"],
    task_kinds=[TaskKind.IMAGE],
    supported_models_per_kind={TaskKind.IMAGE: ["mine"]},
    model_engines=["mine"],
)
HEARTBEAT = msgspec.json.encode(Heartbeat(CAPABILITIES)).decode()
MINE = Wanted(frozenset({Lane(TaskKind.IMAGE, "mine", Shape.EXISTING)}), vram_gb=8.0)


async def median_ms(work: Callable[[], Awaitable[Any]]) -> float:
    """Milliseconds of one call."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        await work()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


async def heartbeat(directory: Path, workers: int) -> float:
    """An idle heartbeat beside so many idle workers, while others' work waits."""
    studio, _ = Studio.open(Settings(data=directory))
    try:
        for number in range(10):
            await studio.jobs.add(job(number, engine="other"), 0.0)
        sessions = [join(studio, number) for number in range(workers)]
        talk = Conversation(
            sessions[-1],
            studio.fleet,
            studio.jobs,
            studio.logs,
            studio.notifier,
            studio.settings,
            studio.clocks,
        )

        async def beat() -> None:
            await talk.hear(HEARTBEAT)
            while not sessions[-1]._outgoing.empty():
                sessions[-1]._outgoing.get_nowait()

        return await median_ms(beat)
    finally:
        studio.close()


def join(studio: Studio, number: int) -> Session:
    """A session without a socket."""
    session = Session(f"worker-{number}", cast("Any", None), CAPABILITIES, studio.clocks.now())
    session.order = number
    session.ready = True
    studio.fleet.sessions[session.worker_id] = session
    return session


async def search(directory: Path, passed_by: list[NewJob]) -> float:
    """Finding the job of one's own behind all those."""
    studio, _ = Studio.open(Settings(data=directory))
    try:
        store = studio.jobs
        for each in passed_by:
            await store.add(each, 0.0)
        await store.add(job(10_000_000), 0.0)
        return await median_ms(lambda: store.first_for(MINE))
    finally:
        studio.close()


def job(number: int, *, model: str = "m", engine: str = "mine", vram_gb: float = 1.0) -> NewJob:
    """A picture to draw."""
    return NewJob(f"job-{number}", model, PICTURE, ModelSource(engine=engine), vram_gb=vram_gb)


def print_table(what: str, unit: str, found: dict[int, float]) -> None:
    """One line for each size, with its ratio to the smallest."""
    least = found[min(found)]
    for size, value in found.items():
        print(f"{what:<44} {size:>7} {value:>9.3f} {unit} {value / least:>7.2f}×")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, nargs="+", default=[10, 100, 1000, 5000])
    parser.add_argument("--jobs", type=int, nargs="+", default=[10, 1000, 4000])
    options = parser.parse_args()
    makers: dict[str, Callable[[int], NewJob]] = {
        "jobs of another engine passed by": lambda n: job(n, engine="other"),
        "jobs that need more memory passed by": lambda n: job(n, vram_gb=16.0),
        "models waiting": lambda n: job(n, model=f"model-{n}"),
        "engines waiting": lambda n: job(n, engine=f"engine-{n}"),
    }
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        beats = {n: asyncio.run(heartbeat(root / f"beat-{n}", n)) for n in options.workers}
        print_table("idle heartbeat, workers connected", "ms", beats)
        for number, (what, make) in enumerate(makers.items()):
            found = {
                n: asyncio.run(search(root / f"search-{number}-{n}", [make(i) for i in range(n)]))
                for n in options.jobs
            }
            print_table(f"claim, {what}", "ms", found)


if __name__ == "__main__":
    main()
