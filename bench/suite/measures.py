"""The measurements. Each ends with figures; none judges them."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from msgspec import Struct

from bench.suite.figures import Figure
from bench.suite.outbox import fill
from bench.suite.processes import (
    cpu_ms,
    family_cpu_ms,
    free_of_settings,
    resident_mb,
    timed,
)
from bench.suite.studio import BenchStudio, JobFailed
from bench.suite.worker import OURS, MeasuredWorker

_MAIN = [sys.executable, "-m", "studio_worker_core.cli.main"]
_WAITING = 10_000


class Extent(Struct, frozen=True):
    """How often things are measured."""

    starts: int = 11
    jobs: int = 40
    clips: int = 5
    idle_seconds: float = 10.0


QUICK = Extent(starts=3, jobs=8, clips=2, idle_seconds=2.0)


class _Work(Struct, frozen=True):
    name: str
    model: str
    task: dict[str, Any]
    engine: str = "synthetic"


_PICTURE = {"kind": "image", "prompt": "a fox in the snow", "width": 512, "height": 512, "seed": 5}
_WORKS = (
    _Work(
        "chat job",
        "synthetic-llm",
        {"kind": "llm", "messages": [{"role": "user", "content": "hi"}]},
    ),
    # About 44 kB from either worker.
    _Work("file of 44 kB", "synthetic-tts", {"kind": "audio_tts", "text": "hello my friend abc"}),
    _Work("512×512 WebP", "synthetic-image", {**_PICTURE, "ext": "webp"}),
    _Work("512×512 PNG", "synthetic-image", {**_PICTURE, "ext": "png"}),
)
_CLIP = {"kind": "video", "prompt": "waves", "width": 512, "height": 512, "seconds": 2.0}
_CLIPS = (
    _Work("GIF of 48 frames 512×512", "motion", {**_CLIP, "fps": 24, "ext": "gif"}, "motion"),
    _Work("MP4 of 48 frames 512×512", "motion", {**_CLIP, "fps": 24, "ext": "mp4"}, "motion"),
)


def of_any_worker(template: str, extent: Extent) -> Iterator[Figure]:
    """What any worker of the protocol can be asked for: starts, idling, and jobs on its
    synthetic engine.

    Raises:
        UnusableCommand: the command names no worker.
        JobFailed, TimeoutError: it does not do the work.
    """
    with _place() as place, BenchStudio() as studio:
        yield from _starts("start → session", template, place, studio, extent.starts)
        with MeasuredWorker(template, place, studio.url) as worker:
            studio.wait_session(studio.sessions + 1)
            time.sleep(1.0)  # what a start still has to do is no idling
            before, began = cpu_ms(worker.pid), time.monotonic()
            time.sleep(extent.idle_seconds)
            used = cpu_ms(worker.pid) - before
            yield Figure("idle: processor", "%", (used / 10 / (time.monotonic() - began),))
            yield Figure("idle: resident memory", "MB", (resident_mb(worker.pid),))
            for work in _WORKS:
                yield from _jobs(studio, worker, work, extent.jobs)


def of_ours(extent: Extent) -> Iterator[Figure]:
    """What only this worker has: its commands, its clips, and what it does after a fault."""
    yield from _commands(extent.starts)
    with (
        _place() as place,
        BenchStudio() as studio,
        MeasuredWorker(OURS, place, studio.url) as worker,
    ):
        studio.wait_session(1)
        for work in _CLIPS:
            try:
                yield next(_jobs(studio, worker, work, extent.clips))
            except JobFailed:
                continue  # the plugin is not installed
        yield _after_a_crash(studio, worker, extent.starts)
    with _place() as place, BenchStudio() as studio:
        fill(place / "outbox", _WAITING)
        studio.takes_files = False
        name = f"start → session, {_WAITING:,} results waiting"
        yield from _starts(name, OURS, place, studio, min(extent.starts, 3))


def _commands(rounds: int) -> Iterator[Figure]:
    with _place() as place:
        environ = free_of_settings() | {
            "XDG_CONFIG_HOME": str(place / "config"),
            "XDG_CACHE_HOME": str(place / "cache"),
        }
        cases = {"python -c pass": [sys.executable, "-c", "pass"]}
        for shown in ("--version", "--help", "status", "engines list"):
            cases[shown] = [*_MAIN, *shown.split()]
        for command in cases.values():
            timed(command, environ)  # what is found out once is kept
        ended = {name: [timed(command, environ)] for name, command in cases.items()}
        for _ in range(rounds - 1):
            for name, command in cases.items():  # in turns, so that a busy machine is fair
                ended[name].append(timed(command, environ))
        for name, each in ended.items():
            yield Figure(name, "ms", tuple(one.wall_ms for one in each))
            yield Figure(f"{name}: processor", "ms", tuple(one.cpu_ms for one in each))


def _starts(
    name: str, template: str, place: Path, studio: BenchStudio, rounds: int
) -> Iterator[Figure]:
    walls, used = [], []
    for number in range(rounds + 1):
        session = studio.sessions + 1
        began = time.perf_counter()
        with MeasuredWorker(template, place, studio.url) as worker:
            studio.wait_session(session)
            if number:  # the first one finds out what is kept for the others
                walls.append((time.perf_counter() - began) * 1000)
                used.append(cpu_ms(worker.pid))
                worker.kill()  # how it would end is not asked
    yield Figure(name, "ms", tuple(walls))
    yield Figure(f"{name}: processor", "ms", tuple(used))


def _jobs(studio: BenchStudio, worker: MeasuredWorker, work: _Work, count: int) -> Iterator[Figure]:
    for _ in range(3):  # what the first of its kind loads
        studio.run(work.model, work.task, work.engine)
    walls, own, whole = [], [], []
    for _ in range(count):
        own_before, whole_before = cpu_ms(worker.pid), family_cpu_ms(worker.pid)
        walls.append(studio.run(work.model, work.task, work.engine).ended * 1000)
        time.sleep(0.02)  # what comes after the upload is a part of the job's cost
        own.append(cpu_ms(worker.pid) - own_before)
        whole.append(family_cpu_ms(worker.pid) - whole_before)
    yield Figure(f"{work.name}: offer → result", "ms", tuple(walls))
    yield Figure(f"{work.name}: processor, host", "ms", tuple(own))
    yield Figure(f"{work.name}: processor, with engine", "ms", tuple(whole))


def _after_a_crash(studio: BenchStudio, worker: MeasuredWorker, rounds: int) -> Figure:
    """From the death of an idle engine to the result of the next job."""
    work = _WORKS[1]
    took = []
    for _ in range(rounds):
        studio.run(work.model, work.task, work.engine)
        for each in psutil.Process(worker.pid).children():
            if "studio_worker_core.lanes.child" in each.cmdline():
                os.kill(each.pid, signal.SIGKILL)
        began = time.perf_counter()
        with suppress(JobFailed):  # it may have been on its way to the dead one
            studio.run(work.model, work.task, work.engine)
            took.append((time.perf_counter() - began) * 1000)
            continue
        studio.run(work.model, work.task, work.engine)
        took.append((time.perf_counter() - began) * 1000)
    return Figure("engine killed → next result", "ms", tuple(took))


@contextmanager
def _place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        yield Path(place)
