"""Checks of how an engine behaves: its import, progress, cancelling, refusals, its end."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from itertools import pairwise

import psutil

from studio_worker_core.errors import EngineFailed, InvalidTask, JobCancelled
from studio_worker_core.plugin import ENTRY_POINT_GROUP
from studio_worker_core.roster.asking import IMPORT_BUDGET_MS
from studio_worker_core.testing.conformance.import_probe import probe_import
from studio_worker_core.testing.conformance.observed import observed_factory, observed_progress
from studio_worker_core.testing.conformance.samples import (
    Trial,
    absurd_trials,
    long_tasks,
    odd_trials,
)
from studio_worker_core.testing.conformance.verdicts import NotChecked, NotMet
from studio_worker_core.testing.conformance.workshop import TrialJob, Workshop
from studio_worker_core.wire.tasks import Task, TaskKind, task_kind

_CANCEL_TRIES = 4
_CANCEL_SECONDS = 2.0
_REAPED_SECONDS = 10.0
_PATIENCE = 0.3
"""How long a job runs before it is disturbed, unless it reports progress earlier."""
_TRIES = 3


def loads(shop: Workshop) -> str:
    """The plugin loads, its hooks answer, and no other plugin claims the engine's name."""
    entry = shop.subject.entry
    if not entry.ready:
        remedy = f"; {entry.remedy}" if entry.remedy else ""
        where = f" [{entry.where}]" if entry.where else ""
        raise NotMet(f"it is {entry.state}: {entry.reason}{where}{remedy}")
    return "; ".join(entry.warnings) or f"{entry.distribution} {entry.version}"


def imports_lightly(shop: Workshop) -> str:
    """Importing the plugin module is quick and brings no heavy library into the host."""
    tries = []
    for _ in range(_TRIES):
        try:
            imported = probe_import(_entry_point(shop))
        except RuntimeError as error:
            raise NotMet(str(error)) from error
        if imported.heavy:
            raise NotMet(
                f"the plugin module or its hooks import {', '.join(imported.heavy)}; import them "
                "in the engine's module, which loads in its own process"
            )
        tries.append(imported.cpu_ms)
        if imported.cpu_ms <= IMPORT_BUDGET_MS:
            return f"{imported.cpu_ms:.0f} ms of CPU time"
    raise NotMet(
        f"importing the plugin module took {min(tries):.0f} ms of CPU time; at most "
        f"{IMPORT_BUDGET_MS:.0f} ms are meant for it"
    )


def progresses(shop: Workshop, kind: TaskKind) -> str:
    """Progress goes from 0 to 1 and never backwards."""
    spec = shop.subject.entry.spec
    assert spec is not None
    work = shop.do(shop.task(kind), factory=observed_factory(spec.factory))
    if work.error is not None:
        raise NotMet(f"the job failed: {type(work.error).__name__}: {work.error}")
    told = observed_progress(work.scratch)
    if not told:
        raise NotChecked("it reports no progress; a long job without any is taken for hung")
    for fraction in told:
        if not math.isfinite(fraction) or not 0 <= fraction <= 1:
            raise NotMet(f"reported {fraction}, which is not between 0 and 1")
    for earlier, later in pairwise(told):
        if later < earlier:
            raise NotMet(f"went back from {earlier:g} to {later:g}")
    return f"{len(told)} reports from {told[0]:.2f} to {told[-1]:.2f}"


def cancels(shop: Workshop, kind: TaskKind) -> str:
    """A cancelled job stops within 2 s, by itself: its process and its model stay."""
    for task in long_tasks(shop.task(kind)):
        if (found := _cancelled_at_best(shop, task)) is not None:
            return found
    raise NotChecked("it refused every job that is long enough to be cancelled")


def _cancelled_at_best(shop: Workshop, task: Task) -> str | None:
    """The engine's pace is meant, not that of a machine which was busy elsewhere."""
    for _ in range(_CANCEL_TRIES - 1):
        with contextlib.suppress(NotMet):
            return _cancelled(shop, task)
    return _cancelled(shop, task)


def _cancelled(shop: Workshop, task: Task) -> str | None:
    """How a job took being cancelled; None when it was refused."""
    shop.fresh_product(shop.task(task_kind(task)))  # loads: what is measured is the work
    before = shop.lane()
    cancel = threading.Event()
    with _soon(cancel.set) as disturbance:
        work = shop.do(task, cancel=cancel, on_progress=disturbance.on_progress)
    latency = time.monotonic() - disturbance.at
    if isinstance(work.error, InvalidTask):
        return None
    if work.error is not None and not isinstance(work.error, JobCancelled):
        raise NotMet(f"the job failed instead: {work.error}")
    if work.result is not None:
        return f"its longest job takes {work.seconds:.2f} s and was done before"
    after = shop.lane()
    if latency >= _CANCEL_SECONDS:
        raise NotMet(f"stopped {latency:.2f} s after it was asked to")
    if before is None or after is None or after.pid != before.pid:
        raise NotMet(
            f"did not stop by itself and was ended by force after {latency:.2f} s, model and "
            "all; call job.check_cancelled() in its loop"
        )
    return f"stopped in {latency:.2f} s"


def refuses(shop: Workshop, kind: TaskKind) -> str:
    """Parameters nobody can serve raise InvalidTask, and the next job is done."""
    refused = []
    for trial in absurd_trials(shop.task(kind)):
        work = _tried(shop, trial)
        if work.error is None:
            raise NotMet(f"made something of {trial.what}; raise InvalidTask")
        refused.append(trial.what)
    shop.fresh_product(shop.task(kind))
    return f"refused {', '.join(refused)}"


def survives_oddities(shop: Workshop, kind: TaskKind) -> str:
    """Odd parameters are served or refused with InvalidTask, never a failure or a crash."""
    served = refused = 0
    for trial in odd_trials(shop.task(kind)):
        if _tried(shop, trial).error is None:
            served += 1
        else:
            refused += 1
    return f"{served} served, {refused} refused"


def unloads(shop: Workshop, kind: TaskKind) -> str:
    """Unloading ends the engine's process and all it started, and the memory is back."""
    shop.fresh_product(shop.task(kind))
    lane = shop.lane()
    if lane is None:
        raise NotMet("its process ended by itself after the job")
    top = psutil.Process(lane.pid)
    family = [top, *top.children(recursive=True)]
    started = time.monotonic()
    shop.lanes.unload(shop.subject.entry.engine)
    seconds = time.monotonic() - started
    left = [process.pid for process in family if process.is_running()]
    if left:
        raise NotMet(f"processes {left} live on after unloading")
    return f"{lane.memory_bytes / 1e6:.0f} MB back in {seconds:.2f} s"


def survives_a_kill(shop: Workshop, kind: TaskKind) -> str:
    """A killed engine process is one failed job; the next one is done by a new process."""
    shop.fresh_product(shop.task(kind))
    first = shop.lane()
    if first is None:
        raise NotMet("its process ended by itself after the job")
    work: TrialJob | None = None
    for task in long_tasks(shop.task(kind)):
        with _soon(lambda: psutil.Process(first.pid).kill()) as disturbance:
            work = shop.do(task, on_progress=disturbance.on_progress)
        if not isinstance(work.error, InvalidTask):
            break
    if work is not None and isinstance(work.error, EngineFailed) and not work.error.retryable:
        raise NotMet(f"the killed job is not to be tried again: {work.error}")
    _kill_idle(shop, first.pid)  # where its jobs are too short to be killed in the middle
    shop.fresh_product(shop.task(kind))
    second = shop.lane()
    if second is None or second.pid == first.pid:
        raise NotMet("no new process took the next job")
    in_the_middle = work is not None and isinstance(work.error, EngineFailed)
    return f"killed {'in the middle of a job' if in_the_middle else 'between jobs'}"


def _tried(shop: Workshop, trial: Trial) -> TrialJob:
    work = shop.do(trial.task, audio=trial.audio)
    if work.error is not None and not isinstance(work.error, InvalidTask):
        kind = type(work.error).__name__
        raise NotMet(f"{trial.what}: {kind} instead of InvalidTask: {work.error}")
    return work


class _Disturbance:
    """Calls ``disturb`` once: at the first progress of a job or after a moment."""

    def __init__(self, disturb: Callable[[], object]) -> None:
        self.at = 0.0
        self._disturb = disturb
        self._first = threading.Lock()

    def on_progress(self, _fraction: float = 0.0) -> None:
        if self._first.acquire(blocking=False):
            self.at = time.monotonic()
            self._disturb()


@contextmanager
def _soon(disturb: Callable[[], object]) -> Iterator[_Disturbance]:
    disturbance = _Disturbance(disturb)
    timer = threading.Timer(_PATIENCE, disturbance.on_progress)
    timer.start()
    try:
        yield disturbance
    finally:
        timer.cancel()
        timer.join()


def _kill_idle(shop: Workshop, pid: int) -> None:
    lane = shop.lane()
    if lane is None or lane.pid != pid:
        return
    try:
        process = psutil.Process(pid)
        process.kill()
    except psutil.NoSuchProcess:  # hit just as it finished the job
        return
    # A signal takes a moment, and its last thread may outlive a process that is a zombie: a job
    # given to it would be lost. The host reaps it at once, and then it is gone altogether.
    pause, deadline = threading.Event(), time.monotonic() + _REAPED_SECONDS
    while process.is_running() and time.monotonic() < deadline:
        pause.wait(0.01)


def _entry_point(shop: Workshop) -> EntryPoint:
    entry = shop.subject.entry
    for found in entry_points(group=ENTRY_POINT_GROUP, name=entry.entry_point):
        if found.dist is not None and found.dist.name == entry.distribution:
            return found
    if entry.builtin:
        raise NotChecked("it comes with the host itself")
    raise NotChecked(f"{entry.distribution} is not installed in this environment")
