"""The views Queue and Gallery: jobs listed by what they are, or by what they look like."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from studio_worker_core.web.frame import Frames
from studio_worker_core.web.sessions import Session
from studio_worker_core.web.signing import SignedIn, is_fragment
from studio_worker_core.wire.tasks import BINARY_KINDS, TaskKind
from studio_worker_studio.pages.ages import ago
from studio_worker_studio.pages.entrance import PATH
from studio_worker_studio.pages.shown_jobs import look_of, said_of, size_of
from studio_worker_studio.pages.standing import Figures
from studio_worker_studio.pages.words import KINDS, SIGNS
from studio_worker_studio.routes.endpoint import whole_number
from studio_worker_studio.store.records import JobRecord, JobState
from studio_worker_studio.studio import Studio

_A_PAGE = 30
_PICTURES = 48
_MOST_NEW = 100
_LARGEST_SHOWN = 4 << 20
"""Bytes of a picture that the gallery shows itself: it makes no small ones."""


class Filter(Struct, frozen=True):
    """Which jobs are listed."""

    state: JobState | None = None
    kind: TaskKind | None = None
    text: str = ""
    """The beginning of a job's id, or a model."""
    before: int | None = None

    def address(self, view: str, **other: Any) -> str:
        """Where the list with that filter is."""
        given = {
            "state": self.state,
            "kind": self.kind,
            "q": self.text,
            "before": self.before,
            **other,
        }
        query = urlencode({name: value for name, value in given.items() if value})
        return f"{PATH}/{view}?{query}" if query else f"{PATH}/{view}"


class QueueViews:
    """The routes of both views."""

    def __init__(self, studio: Studio, figures: Figures, frames: Frames, signed: SignedIn) -> None:
        self._studio = studio
        self._figures = figures
        self._frames = frames
        self._signed = signed

    def routes(self) -> list[Route]:
        """The routes, for the pages."""
        view = self._signed.view
        return [
            Route("/queue", view(self.queue)),
            Route("/queue/new", view(self.news)),
            Route("/gallery", view(self.gallery)),
        ]

    async def queue(self, request: Request, session: Session) -> Response:
        """One page of jobs, the newest first; as a part, the same page as it is now."""
        asked = _asked(request)
        until = whole_number(request.query_params.get("until", ""))
        jobs = await self._listed(asked, None if until is None else until + 1)
        if not jobs and asked.before is not None:
            return RedirectResponse(asked.address("queue", before=None), 303)
        shown, more = jobs[:_A_PAGE], jobs[_A_PAGE:]
        newest = shown[0].id if shown else until or 0
        now = self._studio.clocks.wall()
        progress = self._studio.fleet.progress
        values: dict[str, Any] = {
            "jobs": [(job, said_of(job), ago(job.created_at, now)) for job in shown],
            "progress": {job.job_id: progress.get(job.job_id) for job in shown},
            "older": asked.address("queue", before=shown[-1].id) if more else "",
            "here": asked.address("queue", until=newest),
            "all": asked.address("queue", before=None),
            "news": asked.address("queue/new", before=None, after=newest),
            "asked": asked,
        }
        counts = (await self._figures.sums()).counts
        # The sums may be of a moment ago, when there was no job.
        any_job = bool(jobs or await self._studio.jobs.page(None, None, 1))
        if is_fragment(request):
            return self._frames.fragment("queue_list.html", any_job=any_job, count=0, **values)
        return self._frames.page(
            request, session, "queue.html", "Queue", "queue",
            chips=_chips(asked, counts), any_job=any_job, count=0, **values,
        )  # fmt: skip

    async def news(self, request: Request, session: Session) -> Response:
        """How many jobs came meanwhile: said, and not pushed under the pointer."""
        asked = _asked(request)
        after = whole_number(request.query_params.get("after", "")) or 0
        found = await self._studio.jobs.page(
            asked.state, None, _MOST_NEW, newest_first=True, kind=asked.kind, **_text(asked)
        )
        return self._frames.fragment(
            "queue_new.html",
            count=sum(each.id > after for each in found),
            news=asked.address("queue/new", before=None, after=after),
            all=asked.address("queue", before=None),
        )

    async def gallery(self, request: Request, session: Session) -> Response:
        """The results that are files, the newest first."""
        asked = _asked(request)
        jobs = await self._studio.jobs.page(
            JobState.DONE, asked.before, _PICTURES + 1, newest_first=True, kind=asked.kind
        )
        if not jobs and asked.before is not None:
            return RedirectResponse(asked.address("gallery", before=None), 303)
        shown = [job for job in jobs[:_PICTURES] if job.file is not None]
        older = asked.address("gallery", before=jobs[_PICTURES - 1].id) if jobs[_PICTURES:] else ""
        chips = [("Everything", None), *((KINDS[kind].label, kind) for kind in _made_kinds())]
        return self._frames.page(
            request, session, "gallery.html", "Gallery", "gallery",
            tiles=[_tile(job) for job in shown], older=older, asked=asked,
            chips=[
                (label, Filter(kind=kind).address("gallery"), kind == asked.kind)
                for label, kind in chips
            ],
        )  # fmt: skip

    async def _listed(self, asked: Filter, after: int | None) -> list[JobRecord]:
        place = asked.before if asked.before is not None else after
        return await self._studio.jobs.page(
            asked.state, place, _A_PAGE + 1, newest_first=True, kind=asked.kind, **_text(asked)
        )


def _made_kinds() -> list[TaskKind]:
    return [kind for kind in KINDS if kind in BINARY_KINDS]


def _tile(job: JobRecord) -> dict[str, Any]:
    look = look_of(job)
    width, height = size_of(job)
    is_shown = look == "picture" and job.file is not None and job.file.bytes <= _LARGEST_SHOWN
    return {
        "job": job,
        "said": said_of(job),
        "is_shown": is_shown,
        "width": width,
        "height": height,
    }


def _asked(request: Request) -> Filter:
    query = request.query_params
    state, kind = query.get("state"), query.get("kind")
    return Filter(
        state=JobState(state) if state in list(JobState) else None,
        kind=TaskKind(kind) if kind in list(TaskKind) else None,
        text=query.get("q", "").strip()[:200],
        before=whole_number(query.get("before", "")),
    )


def _text(asked: Filter) -> dict[str, Any]:
    if not asked.text:
        return {}
    return {"prefix": asked.text} if asked.text.startswith("job-") else {"model": asked.text}


def _chips(asked: Filter, counts: dict[JobState, int]) -> list[dict[str, Any]]:
    """The states as filters, each with its address and how many jobs are in it."""
    made = [
        {
            "label": "All",
            "count": sum(counts.values()),
            "href": asked.address("queue", state=None, before=None),
            "current": asked.state is None,
        }
    ]
    made += [
        {
            "label": SIGNS[state].word,
            "count": counts.get(state, 0),
            "href": asked.address("queue", state=state, before=None),
            "current": asked.state is state,
        }
        for state in JobState
    ]
    return made
