"""What a studio removes by itself, and what it leaves and says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from studio_worker_studio.clocks import Clocks
from studio_worker_studio.errors import ApiError
from studio_worker_studio.notifier import Notifier
from studio_worker_studio.results.interface import ResultStorage, result_name
from studio_worker_studio.settings import Settings
from studio_worker_studio.store.interface import LogStore
from studio_worker_studio.store.jobs import JobStore
from studio_worker_studio.store.records import JobRecord, JobState

log = logging.getLogger("studio_worker.studio")

_NAMED = 20
"""So many unknown files are named in the log; the rest are counted."""


class Housekeeping:
    """Removes unfinished uploads of the studio's own, and what its database says is of age."""

    def __init__(
        self,
        settings: Settings,
        jobs: JobStore,
        logs: LogStore,
        results: ResultStorage,
        notifier: Notifier,
        clocks: Clocks,
    ) -> None:
        self._settings = settings
        self._jobs = jobs
        self._logs = logs
        self._results = results
        self._notifier = notifier
        self._clocks = clocks

    async def at_start(self) -> None:
        """Clear half uploads; name the files that belong to no job."""
        strangers = await asyncio.to_thread(self._results.clear_incoming)
        unknown = await asyncio.to_thread(self._results.unknown, await self._jobs.result_names())
        _name_unknown([*map(self._results.where, unknown), *strangers])

    async def run(self) -> None:
        """Remove what is of age, for ever."""
        while True:
            await self.remove_expired()
            await asyncio.sleep(self._settings.retention_seconds)

    async def remove_expired(self) -> None:
        """Remove results, jobs, log entries and keys that are of age now."""
        settings, now = self._settings, self._clocks.wall()
        if settings.keep_results_seconds is not None:
            await self._expire_results(now - settings.keep_results_seconds, now)
        if settings.keep_jobs_seconds is not None:
            while gone := await self._jobs.forget_jobs(now - settings.keep_jobs_seconds, now):
                log.info("%d ended jobs without a result were of age and are forgotten", gone)
                self._notifier.tell("jobsChanged")
        if settings.keep_logs_seconds is not None:
            await self._logs.forget(now - settings.keep_logs_seconds)
        await self._jobs.forget_keys(now - settings.keep_keys_seconds)

    async def remove_result(self, job: JobRecord) -> bool:
        """Remove the result of a finished job, the job stays; False when it has none.

        Raises:
            ApiError: the file cannot be removed.
        """
        if job.state is not JobState.DONE or (job.file is None and job.json is None):
            return False
        if job.file is not None:
            try:
                await asyncio.to_thread(self._results.delete, result_name(job.job_id, job.file.ext))
            except OSError as error:
                raise ApiError(
                    507, "storage_failed", f"the result of {job.job_id} cannot be removed: {error}"
                ) from None
        gone = await self._jobs.result_removed(job.job_id, self._clocks.wall())
        self._notifier.tell("jobsChanged", job.job_id)
        return gone

    async def delete_job(self, job: JobRecord) -> bool:
        """Remove an ended job with its result and log entries; False when it has not ended.

        Raises:
            ApiError: the file cannot be removed.
        """
        await self.remove_result(job)
        gone = await self._jobs.delete(job.job_id)
        self._notifier.tell("jobsChanged", job.job_id)
        return gone

    async def _expire_results(self, before: float, now: float) -> None:
        while expired := await self._jobs.expired_results(before):
            for result in expired:
                if result.ext is not None:
                    try:
                        name = result_name(result.job_id, result.ext)
                        await asyncio.to_thread(self._results.delete, name)
                    except OSError as error:
                        log.error("results of age cannot be removed, trying later: %s", error)
                        return
                await self._jobs.result_removed(result.job_id, now)
                self._notifier.tell("jobsChanged", result.job_id)
            log.info("%d results were of age and are removed", len(expired))


def _name_unknown(unknown: Sequence[str]) -> None:
    if not unknown:
        return
    # repr: a name may hold anything.
    names = ", ".join(repr(place) for place in unknown[:_NAMED])
    more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
    log.warning(
        "%d files belong to no job of this studio's database and are left alone: %s%s; stop the "
        "studio and run 'studio-worker studio check' to adopt them or move them aside",
        *(len(unknown), names, more),
    )
