"""Hears of every job and its log lines, and has them written down."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from studio_worker_core import __version__
from studio_worker_core.config import JournalLimits
from studio_worker_core.foreign_text import printable
from studio_worker_core.jobs.job import Job
from studio_worker_core.jobs.listener import Failure, JobListener
from studio_worker_core.journal.lines import line_of
from studio_worker_core.journal.reader import JournalReader
from studio_worker_core.journal.recipes import plain_url, recipe_bytes
from studio_worker_core.journal.records import LONGEST_LINE, LONGEST_PROMPT, JobFacts
from studio_worker_core.journal.writer import Writer
from studio_worker_core.journal.writing import PutJob, PutLine, PutThumbnail, Settle, settled
from studio_worker_core.lanes.live import Inspection, Wanted
from studio_worker_core.lanes.results import Result
from studio_worker_core.outbox import Entry
from studio_worker_core.redaction import without_secrets
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.tasks import full_prompt

_REMEMBERED = 64
"""Jobs that are over and may still get log lines, a picture or a delivery."""
_LONGEST_ID = 200
_PICTURE_SECONDS = 10.0


class _Live:
    """A job of this run: its facts as they are now."""

    def __init__(self, facts: JobFacts) -> None:
        self.facts = facts
        self.is_inspected = threading.Event()
        """Not set while its result is still being looked at."""
        self.is_inspected.set()


class Journal(JobListener[object]):
    """The watcher that keeps every job. Any thread may call; nothing waits for the disk.

    :param now: seconds since 1970.
    """

    def __init__(
        self,
        path: Path,
        limits: Callable[[], JournalLimits],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self._now = now
        self._writer = Writer(path, limits, on_open=self._begin_after)
        self._lock = threading.Lock()
        self._last = 0
        self._live: OrderedDict[str, _Live] = OrderedDict()
        self._handler = _LineHandler(self.line)
        self._thread: threading.Thread | None = None

    def start(self, guard: Callable[[Callable[[], None]], None] = lambda body: body()) -> None:
        """Begin to write, and to hear log lines."""
        self._thread = threading.Thread(
            target=guard, args=(self._writer.run,), name="journal", daemon=True
        )
        self._thread.start()
        logging.getLogger("studio_worker").addHandler(self._handler)

    def close(self, seconds: float) -> bool:
        """Write what waits; False where the disk did not take it in so many seconds."""
        logging.getLogger("studio_worker").removeHandler(self._handler)
        self._writer.end()
        if self._thread is not None:
            self._thread.join(seconds)
            return not self._thread.is_alive()
        return True

    def settle(self, seconds: float) -> bool:
        """Wait, at most so long, until what was heard so far can be read."""
        return self._writer.settle(seconds)

    def reader(self, seconds: float) -> JournalReader:
        """For this process: a look waits, at most so long, for what was heard before it; the one
        for a picture also while its result is still looked at."""

        def wait_for_picture(job_id: str) -> None:
            live = self._live.get(job_id)
            if live is not None:
                live.is_inspected.wait(_PICTURE_SECONDS)

        return JournalReader(
            self.path, settle=lambda: self.settle(seconds), wait_for_picture=wait_for_picture
        )

    # JobListener

    def accepted(self, job: Job) -> None:
        """See :class:`JobListener`."""
        facts = JobFacts(
            number=self._number(),
            job_id=job.job_id,
            source=job.source.value,
            kind=job.kind.value,
            engine=job.engine,
            model=job.model,
            prompt=_prompt(job),
            accepted=self._now(),
            worker_version=__version__,
            seed=_seed(job),
        )
        live = _Live(facts)
        with self._lock:
            self._live[job.job_id] = live
            self._live.move_to_end(job.job_id)
            self._forget_some()
        self._writer.put(PutJob(facts, recipe_bytes(job)))

    def started(self, job: Job) -> None:
        """See :class:`JobListener`."""
        self._change(job.job_id, {"started": self._now()})

    def wants(self, job: Job) -> Wanted:
        """See :class:`JobListener`."""
        return Wanted(inspection=True)

    def made(self, job: Job, result: Result) -> None:
        """See :class:`JobListener`."""
        live = self._live.get(job.job_id)
        if live is not None:
            live.is_inspected.clear()
        self._change(
            job.job_id,
            {
                "ext": result.ext,
                "file": str(result.path),
                "bytes": _size(result.path),
                "peak_bytes": result.peak_bytes,
                **_meta(result.meta),
            },
            write=False,
        )

    def inspected(self, job: Job, inspection: Inspection) -> None:
        """See :class:`JobListener`."""
        live = self._live.get(job.job_id)
        if live is None:
            return
        facts: dict[str, object] = {"inputs": inspection.inputs}
        if live.facts.sha256 is None:
            facts["sha256"] = inspection.sha256
        if inspection.thumbnail:
            facts["has_thumbnail"] = True
            self._writer.put(PutThumbnail(live.facts.number, inspection.thumbnail))
        self._change(job.job_id, facts)
        live.is_inspected.set()

    def finished(self, job: Job, result: object) -> None:
        """See :class:`JobListener`."""
        facts: dict[str, object] = {}
        if isinstance(result, Entry):
            manifest = result.manifest
            facts = {
                "ext": manifest.ext,
                "bytes": manifest.bytes,
                "sha256": manifest.sha256,
                "file": str(result.path),
                **(_meta(manifest.meta) if manifest.meta is not None else {}),
            }
        self._change(job.job_id, {"status": "completed", "finished": self._now(), **facts})

    def failed(self, job: Job, failure: Failure) -> None:
        """See :class:`JobListener`."""
        self._change(
            job.job_id,
            {
                "status": "failed" if failure.stopped is None else "stopped",
                "reason": printable(without_secrets(failure.message))[:LONGEST_LINE],
                "finished": self._now(),
            },
        )

    # what is heard besides

    def delivered(
        self, entry: Entry, outcome: Literal["delivered", "refused", "lost"], reason: str | None
    ) -> None:
        """A result left the outbox, or did not."""
        words = None if reason is None else printable(without_secrets(reason))[:LONGEST_LINE]
        file = str(entry.path) if outcome == "refused" else None
        change = Settle(entry.job_id, outcome, words, file)
        with self._lock:
            live = self._live.get(entry.job_id)
            if live is not None and live.facts.source == "studio":
                live.facts = settled(live.facts, change)
                self._writer.put(PutJob(live.facts))
                return
        self._writer.put(change)

    def line(self, record: logging.LogRecord) -> None:
        """A log line, if it is of a job of this run."""
        job_id = getattr(record, "job_id", None)
        if not isinstance(job_id, str) or len(job_id) > _LONGEST_ID:
            return
        line = line_of(record)
        with self._lock:
            live = self._live.get(job_id)
            if live is None:
                return
            n = live.facts.lines
            live.facts = replace(live.facts, lines=n + 1)
            self._writer.put(PutLine(live.facts.number, n, line))

    def _change(self, job_id: str, facts: dict[str, object], *, write: bool = True) -> None:
        with self._lock:
            live = self._live.get(job_id)
            if live is None:
                return
            live.facts = replace(live.facts, **facts)
            if write:
                self._writer.put(PutJob(live.facts))

    def _number(self) -> int:
        """Larger than any before, of earlier runs too as long as the clock is not set back:
        microseconds since 1970."""
        with self._lock:
            self._last = max(self._last + 1, int(self._now() * 1_000_000))
            return self._last

    def _begin_after(self, number: int) -> None:
        with self._lock:
            self._last = max(self._last, number)

    def _forget_some(self) -> None:
        over = [key for key, live in self._live.items() if live.facts.status != "running"]
        for key in over[: max(len(over) - _REMEMBERED, 0)]:
            del self._live[key]


class _LineHandler(logging.Handler):
    def __init__(self, hear: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._hear(record)
        except Exception:
            # Formatting runs the __str__ of any object somebody logged: foreign code. It is not
            # told as logging does, on standard error: that may take nothing for ever.
            return


def _prompt(job: Job) -> str:
    return without_secrets(plain_url(full_prompt(job.task)))[:LONGEST_PROMPT]


def _seed(job: Job) -> int | None:
    seed = getattr(job.task, "seed", None)
    return seed if isinstance(seed, int) and seed >= 0 else None


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _meta(meta: GenerationMeta) -> dict[str, object]:
    found = {
        "engine_version": meta.engine_version,
        "seed": meta.seed,
        "steps": meta.steps,
        "width": meta.width,
        "height": meta.height,
        "engine_seconds": meta.seconds,
    }
    return {name: value for name, value in found.items() if value is not None}
