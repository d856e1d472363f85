"""The studio in the text format of Prometheus. What grows is counted since the start; the rest
is looked up when somebody asks."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import accumulate

from msgspec import Struct
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from studio_worker_studio import __version__
from studio_worker_studio.ended_jobs import SECONDS, EndedJobs
from studio_worker_studio.store.records import JobState
from studio_worker_studio.studio import Studio

CONTENT_TYPE = CONTENT_TYPE_LATEST


class _Seen(Struct, frozen=True):
    """What a look at a studio showed."""

    jobs: Mapping[JobState, int]
    oldest_seconds: float
    pending: int
    workers: Mapping[str, int]
    free_bytes: int


async def metrics_text(studio: Studio) -> bytes:
    """Everything as text. It costs three short queries, a count that passes once over an index
    of all jobs, and a look at each connected worker.

    Raises:
        StoreError: the database does not answer.
    """
    seen = await _look(studio)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Metrics(seen, studio.fleet.ended))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


async def _look(studio: Studio) -> _Seen:
    waiting = await studio.jobs.page(JobState.QUEUED, None, 1)
    usage = await asyncio.to_thread(shutil.disk_usage, studio.settings.data)
    sessions = [session for session in studio.fleet.sessions.values() if session.ready]
    return _Seen(
        jobs=await studio.jobs.counts(),
        oldest_seconds=max(studio.clocks.wall() - waiting[0].created_at, 0.0) if waiting else 0.0,
        pending=await studio.registrations.count_pending(),
        workers=Counter(
            "busy"
            if session.held or session.current_job_id
            else ("idle" if session.capabilities.auto_enabled else "paused")
            for session in sessions
        ),
        free_bytes=usage.free,
    )


class _Metrics(Collector):
    def __init__(self, seen: _Seen, ended: EndedJobs) -> None:
        self._seen = seen
        self._ended = ended

    def collect(self) -> Iterator[Metric]:
        yield from self._present()
        yield from self._since_the_start()

    def _present(self) -> Iterator[Metric]:
        seen = self._seen
        build = GaugeMetricFamily("studio_build_info", "The version", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        jobs = GaugeMetricFamily("studio_jobs", "Jobs in the database", labels=["state"])
        for state in JobState:
            jobs.add_metric([state], seen.jobs.get(state, 0))
        yield jobs
        yield GaugeMetricFamily(
            "studio_oldest_waiting_job_seconds",
            "Age of the job that was queued first and still waits; 0 when none does",
            seen.oldest_seconds,
        )
        workers = GaugeMetricFamily(
            "studio_workers_connected", "Workers with a session", labels=["state"]
        )
        for worker_state in ("idle", "busy", "paused"):
            workers.add_metric([worker_state], seen.workers.get(worker_state, 0))
        yield workers
        yield GaugeMetricFamily(
            "studio_pending_registrations", "Workers that wait for a decision", seen.pending
        )
        yield GaugeMetricFamily(
            "studio_data_free_bytes", "Space left where the data is", seen.free_bytes
        )

    def _since_the_start(self) -> Iterator[Metric]:
        ended = CounterMetricFamily(
            "studio_jobs_ended", "Jobs that ended", labels=["kind", "state"]
        )
        for (kind, state), times in self._ended.times.items():
            ended.add_metric([kind, state], times)
        yield ended
        taken = HistogramMetricFamily(
            "studio_job_duration_seconds", "From the claim to the result", labels=["kind"]
        )
        bounds = [*map(str, SECONDS), "+Inf"]
        for kind, durations in self._ended.durations.items():
            below = accumulate(durations.under)
            taken.add_metric([kind], list(zip(bounds, below, strict=True)), durations.total)
        yield taken
