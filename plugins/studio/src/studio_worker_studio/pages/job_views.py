"""The page of one job, and what may be done with it."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from studio_worker_core.web.frame import Frames
from studio_worker_core.web.sessions import Session
from studio_worker_core.web.signing import SignedIn, is_fragment
from studio_worker_studio.dispatch import Lane
from studio_worker_studio.pages import shown_jobs
from studio_worker_studio.pages.ages import ago
from studio_worker_studio.pages.entrance import PATH
from studio_worker_studio.pages.log_views import shown_line
from studio_worker_studio.routes import jobs, results
from studio_worker_studio.routes.endpoint import job_of
from studio_worker_studio.shapes import shape_of
from studio_worker_studio.store.records import JobRecord, JobState
from studio_worker_studio.studio import Studio

_MOST_LINES = 500
_GOING_ON = (JobState.QUEUED, JobState.CLAIMED)


class JobViews:
    """The routes of the page."""

    def __init__(self, studio: Studio, frames: Frames, signed: SignedIn) -> None:
        self._studio = studio
        self._frames = frames
        self._signed = signed

    def routes(self) -> list[Route]:
        """The routes, for the pages."""
        view, change, post = self._signed.view, self._signed.change, ["POST"]
        return [
            Route("/jobs/{job_id}", view(self.job)),
            Route("/jobs/{job_id}/state", view(self.state)),
            Route("/jobs/{job_id}/result/{name}", view(self.result)),
            Route("/jobs/{job_id}/retry", change(self.retry), methods=post),
            Route("/jobs/{job_id}/cancel", change(self.cancel), methods=post),
            Route("/jobs/{job_id}/delete", view(self.ask_to_delete)),
            Route("/jobs/{job_id}/delete", change(self.delete), methods=post),
        ]

    async def job(self, request: Request, session: Session) -> Response:
        """One job: what was asked, what came of it, its log."""
        job = await job_of(self._studio, request)
        values = await run_in_threadpool(self._shown, job)
        return self._frames.page(
            request, session, "job.html", "Job", "queue",
            **await self._log(job), **values, **self._moving(job),
        )  # fmt: skip

    async def state(self, request: Request, session: Session) -> Response:
        """Where the job stands; once it stands elsewhere for good, the whole page anew."""
        job = await job_of(self._studio, request)
        if request.query_params.get("seen") != job.state and (
            job.state not in _GOING_ON or request.query_params.get("seen") not in _GOING_ON
        ):
            return Response(status_code=200, headers={"hx-refresh": "true"})
        if job.state not in _GOING_ON or not is_fragment(request):
            return Response(status_code=204)
        return self._frames.fragment(
            "job_state.html", job=job, csrf=session.csrf, **self._moving(job)
        )

    async def result(self, request: Request, session: Session) -> Response:
        """The result, as the API gives it; ``?download`` under a name that tells what it is."""
        answer = await results.get_result(self._studio, request)
        if "download" in request.query_params:
            name = shown_jobs.file_name(await job_of(self._studio, request))
            answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        elif "content-disposition" not in answer.headers:
            answer.headers["Content-Disposition"] = "attachment"
        return answer

    async def ask_to_delete(self, request: Request, session: Session) -> Response:
        """What a deletion would touch."""
        job = await job_of(self._studio, request)
        return self._frames.page(
            request, session, "job_delete.html", "Delete a job", "queue",
            job=job, said=shown_jobs.said_of(job), look=shown_jobs.look_of(job),
        )  # fmt: skip

    async def delete(self, request: Request, session: Session, form: FormData) -> Response:
        """Delete an ended job with its result and its log."""
        await jobs.delete_job(self._studio, request)
        return RedirectResponse(f"{PATH}/queue", 303)

    async def retry(self, request: Request, session: Session, form: FormData) -> Response:
        """Queue it again."""
        await jobs.retry(self._studio, request)
        return RedirectResponse(f"{PATH}/jobs/{request.path_params['job_id']}", 303)

    async def cancel(self, request: Request, session: Session, form: FormData) -> Response:
        """Stop it; a second time, take it from its worker."""
        await jobs.cancel(self._studio, request)
        return RedirectResponse(f"{PATH}/jobs/{request.path_params['job_id']}", 303)

    def _shown(self, job: JobRecord) -> dict[str, Any]:
        words, answer = shown_jobs.answer_of(job)
        width, height = shown_jobs.size_of(job)
        name = shown_jobs.file_name(job)
        return {
            "job": job,
            "said": shown_jobs.said_of(job),
            "look": shown_jobs.look_of(job),
            "words": words,
            "answer": answer,
            "width": width,
            "height": height,
            "facts": shown_jobs.facts_of(job),
            "task": shown_jobs.shown_task(job),
            "name": name,
            "address": f"{PATH}/jobs/{job.job_id}/result/{name}",
        }

    def _moving(self, job: JobRecord) -> dict[str, Any]:
        now = self._studio.clocks.wall()
        ended = job.finished_at
        took = None if ended is None or job.claimed_at is None else ended - job.claimed_at
        return {
            "progress": self._studio.fleet.progress.get(job.job_id),
            "queued": ago(job.created_at, now),
            "ended": None if ended is None else ago(ended, now),
            "took": took if took is not None and took >= 0 else None,
            "nobody": job.state is JobState.QUEUED and not self._served(job),
        }

    def _served(self, job: JobRecord) -> bool:
        """Whether a worker that is connected says that it can do the job. Costs the number of
        workers."""
        lane = Lane(job.kind, job.engine, shape_of(job.claim().model_source))
        return any(
            session.abilities.can(lane, job.vram_gb)
            and session.abilities.names(job.kind, job.model, job.engine)
            for session in self._studio.fleet.sessions.values()
            if session.ready
        )

    async def _log(self, job: JobRecord) -> dict[str, Any]:
        found = await self._studio.logs.page(
            job_id=job.job_id, worker_id=None, after=None, limit=_MOST_LINES, newest_first=True
        )
        last = found[0].id if found else 0
        return {
            "lines": [shown_line(each) for each in reversed(found)],
            "more": f"{PATH}/logs?job={job.job_id}&after={last}",
            "is_single": True,
        }
