"""Comparing the files of a studio with its database, while nobody serves it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.data_directory import DataDirectory
from studio_worker_studio.media_types import mime_of_ext
from studio_worker_studio.results.interface import result_name
from studio_worker_studio.results.opening import open_results
from studio_worker_studio.settings import Settings
from studio_worker_studio.store.jobs import JobStore
from studio_worker_studio.store.opening import open_store
from studio_worker_studio.store.records import StoredFile

_OURS = re.compile(r"(job-[0-9a-f]{20})\.([a-z0-9]{1,16})")
_KINDS = {
    "image": TaskKind.IMAGE,
    "audio": TaskKind.AUDIO_TTS,
    "video": TaskKind.VIDEO,
    "model": TaskKind.MESH,
}


class Findings(Struct, frozen=True):
    """What does not agree. ``unknown``: files of no job; ``missing``: jobs whose file is gone;
    ``changed``: jobs whose file has another size than was stored."""

    unknown: list[str]
    missing: list[str]
    changed: list[str]


@contextmanager
def opened(settings: Settings) -> Iterator[Check]:
    """A check of a studio that is not running.

    Raises:
        StudioWorkerError: there is none, it runs, or its database cannot be used.
    """
    if settings.postgres is None and not settings.database.is_file():
        raise StudioWorkerError(
            f"{settings.data} holds no studio (no {settings.database.name}); give --data"
        )
    directory = DataDirectory(settings)
    try:
        store = open_store(settings)
        try:
            yield Check(settings, store.jobs)
        finally:
            store.close()
    finally:
        directory.close()


class Check:
    """Looks, and on request takes back or moves aside what belongs to no job."""

    def __init__(self, settings: Settings, jobs: JobStore) -> None:
        self._results = open_results(settings)
        self._jobs = jobs

    async def look(self) -> Findings:
        """
        Raises:
            OSError: the results cannot be looked at.
        """
        self._results.prepare()
        stored = await self._jobs.stored_files()
        names = {job_id: result_name(job_id, file.ext) for job_id, file in stored.items()}
        sizes = {job_id: self._results.size(name) for job_id, name in names.items()}
        missing = [job_id for job_id, size in sizes.items() if size is None]
        changed = [
            job_id for job_id, size in sizes.items() if size not in (None, stored[job_id].bytes)
        ]
        return Findings(self._results.unknown(names.values()), missing, changed)

    async def adopt(self, name: str, now: float) -> str | None:
        """Make a file the result of the job it is named for. Answers the job; None when the name
        is none that a studio gives, or the job has another result.

        Raises:
            OSError: the file cannot be read.
        """
        named = _OURS.fullmatch(name)
        size = self._results.size(name)
        if named is None or not size:
            return None
        job_id, ext = named.groups()
        mime = mime_of_ext(ext, {})
        kind = _KINDS.get(mime.partition("/")[0], TaskKind.IMAGE)
        file = StoredFile(ext, mime, size, self._results.sha256(name))
        return job_id if await self._jobs.adopt(job_id, kind, file, now) else None

    def where(self, name: str) -> str:
        """Where a file is."""
        return self._results.where(name)

    def set_aside(self, name: str) -> str:
        """Move a file out of the results. Answers where to.

        Raises:
            OSError: it cannot be moved.
        """
        return self._results.set_aside(name)
