"""What became of jobs: ``/jobs``, a job's log, and a small picture of its result."""

from __future__ import annotations

from typing import Any, get_args

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from studio_worker_core.jobs.job import Source
from studio_worker_core.journal.records import JobFacts, JobQuery, Status
from studio_worker_core.local_api.answers import json_answer
from studio_worker_core.local_api.errors import BadRequest, NotThere
from studio_worker_core.local_api.history import JobHistory, shown
from studio_worker_core.wire.timestamps import timestamp

_EVERY = "all"
_REMEMBERED = 50
_MOST = 1000
_LONGEST_ID = 200


class JobRoutes:
    """The original worker's routes over the job journal; what may be asked beyond them is
    ours."""

    def __init__(self, history: JobHistory) -> None:
        self._history = history

    def routes(self) -> list[Route]:
        """The routes, for an application."""
        return [
            Route("/jobs", self.jobs),
            Route("/jobs/{job_id}/log", self.log),
            Route("/jobs/{job_id}/thumbnail", self.thumbnail),
        ]

    async def jobs(self, request: Request) -> Response:
        """``GET /jobs``: local jobs, newest first; ours: ``source``, ``status``, ``limit`` and
        ``before`` (a job id) ask for others."""
        return json_answer(await run_in_threadpool(self._page, dict(request.query_params)))

    async def log(self, request: Request) -> Response:
        """``GET /jobs/{id}/log``."""
        return json_answer(await run_in_threadpool(self._log, request.path_params["job_id"]))

    async def thumbnail(self, request: Request) -> Response:
        """``GET /jobs/{id}/thumbnail``: a PNG."""
        png = await run_in_threadpool(self._thumbnail, request.path_params["job_id"])
        return Response(png, media_type="image/png", headers={"x-content-type-options": "nosniff"})

    def _page(self, asked: dict[str, str]) -> list[dict[str, Any]]:
        source = _one_of("source", asked.get("source", Source.LOCAL.value), (*_SOURCES, _EVERY))
        status = asked.get("status")
        before = asked.get("before")
        query = JobQuery(
            source=None if source == _EVERY else source,
            status=None if status is None else _one_of("status", status, get_args(Status)),
            before=None if before is None else self._found(before).number,
            limit=_limit(asked.get("limit")),
        )
        return [shown(facts) for facts in self._history.page(query)]

    def _log(self, job_id: str) -> dict[str, Any]:
        log = self._history.log(self._found(job_id))
        lines = [
            {
                "ts": timestamp(line.ts),
                "level": line.level,
                "target": line.target,
                "message": line.message,
            }
            for line in log.lines
        ]
        return {"lines": lines, "dropped": log.dropped}

    def _thumbnail(self, job_id: str) -> bytes:
        png = self._history.thumbnail(self._found(job_id))
        if png is None:
            raise NotThere("the job has no picture", code="no_thumbnail")
        return png

    def _found(self, job_id: str) -> JobFacts:
        facts = self._history.find(job_id) if len(job_id) <= _LONGEST_ID else None
        if facts is None:
            raise NotThere("there is no such job here", code="unknown_job")
        return facts


_SOURCES = tuple(source.value for source in Source)


def _one_of(name: str, value: str, known: tuple[Any, ...]) -> Any:
    if value not in known:
        raise BadRequest(f"{name}: one of {', '.join(known)}", param=name)
    return value


def _limit(text: str | None) -> int:
    if text is None:
        return _REMEMBERED
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= _MOST):
        raise BadRequest(f"limit: a number from 1 to {_MOST}", param="limit")
    return int(text)
