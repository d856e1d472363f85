"""The view Jobs: what this machine did, for whomever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, get_args
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from studio_worker_core.errors import JournalError
from studio_worker_core.journal.records import JobFacts, JobQuery, Status
from studio_worker_core.local_api.errors import NotThere
from studio_worker_core.local_api.history import JobHistory
from studio_worker_core.local_api.page.signing import PATH
from studio_worker_core.local_api.page.words import KINDS
from studio_worker_core.web.frame import Frames
from studio_worker_core.web.sessions import Session
from studio_worker_core.web.signing import SignedIn

_A_PAGE = 30
_SOURCES = ("studio", "local")
SIGNS = {
    "running": ("busy", "play"),
    "completed": ("good", "check"),
    "failed": ("bad", "alert"),
    "stopped": ("idle", "stop"),
}


class JobViews:
    """The routes of the view over one :class:`.JobHistory`."""

    def __init__(self, history: JobHistory, frames: Frames, signed: SignedIn) -> None:
        self._history = history
        self._frames = frames
        self._signed = signed

    def routes(self) -> list[Route]:
        """The routes, for the page."""
        view = self._signed.view
        return [
            Route("/jobs", view(self.jobs)),
            Route("/jobs/new", view(self.news)),
            Route("/jobs/{id}", view(self.job)),
            Route("/jobs/{id}/thumbnail", view(self.thumbnail)),
        ]

    async def jobs(self, request: Request, session: Session) -> Response:
        """One page of jobs, the newest first."""
        asked = _asked(request)
        jobs, counts = await run_in_threadpool(self._listed, asked)
        older = jobs[_A_PAGE - 1].number if len(jobs) > _A_PAGE else None
        return self._frames.page(
            request, session, "jobs.html", "Jobs", "jobs",
            days=by_day(jobs[:_A_PAGE], datetime.now()), asked=asked,
            chips=_chips(asked, counts), signs=SIGNS, kinds=KINDS,
            older=_address(asked, before=older) if older else "",
            newest=jobs[0].number if jobs else 0, again=_address(asked, before=None),
            are_there=sum(counts.values()),
        )  # fmt: skip

    async def news(self, request: Request, session: Session) -> Response:
        """How many jobs came meanwhile: said, and not pushed under the pointer."""
        asked = _asked(request)
        after = _number(request.query_params.get("after")) or 0
        query = JobQuery(source=asked.source, status=asked.status, text=asked.text, limit=100)
        found = await run_in_threadpool(self._history.page, query)
        count = sum(each.number > after for each in found)
        return self._frames.fragment(
            "jobs_new.html", count=count, again=_address(asked, before=None), newest=after
        )

    async def job(self, request: Request, session: Session) -> Response:
        """One job: its facts, its picture, its log."""

        def read() -> dict[str, Any]:
            facts = self._found(request)
            can_again = self._history.recipe(facts) is not None
            return {"job": facts, "log": self._history.log(facts), "can_again": can_again}

        values = await run_in_threadpool(read)
        return self._frames.page(
            request, session, "job.html", "Job", "jobs", signs=SIGNS, kinds=KINDS, **values
        )

    async def thumbnail(self, request: Request, session: Session) -> Response:
        """A small picture of its result."""

        def read() -> bytes | None:
            return self._history.thumbnail(self._found(request))

        png = await run_in_threadpool(read)
        if png is None:
            return Response(status_code=404)
        headers = {"cache-control": "private, max-age=3600"}
        return Response(png, media_type="image/png", headers=headers)

    def _listed(self, asked: JobQuery) -> tuple[list[JobFacts], dict[tuple[str, str], int]]:
        return self._history.page(asked), self._history.counts()

    def _found(self, request: Request) -> JobFacts:
        try:
            facts = self._history.find(request.path_params["id"][:200])
        except JournalError:
            facts = None
        if facts is None:
            raise NotThere("There is no such job, or it is no longer remembered.")
        return facts


def by_day(jobs: Sequence[JobFacts], now: datetime) -> list[tuple[str, list[JobFacts]]]:
    """Jobs under the day on which they were accepted, as this machine's clock has it."""
    found: dict[date, list[JobFacts]] = {}
    for job in jobs:
        found.setdefault(datetime.fromtimestamp(job.accepted).date(), []).append(job)
    return [(_day(day, now.date()), each) for day, each in found.items()]


def _day(day: date, today: date) -> str:
    if day == today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    return f"{day:%A}, {day.day} {day:%B %Y}"


def _asked(request: Request) -> JobQuery:
    query = request.query_params
    source, status = query.get("source"), query.get("status")
    known: tuple[Status, ...] = get_args(Status)
    return JobQuery(
        source=source if source in _SOURCES else None,
        status=next((each for each in known if each == status), None),
        text=query.get("q", "")[:200],
        before=_number(query.get("before")),
        limit=_A_PAGE + 1,
    )


def _number(text: str | None) -> int | None:
    is_number = text is not None and text.isascii() and text.isdecimal() and len(text) < 19
    return int(text) if is_number and text is not None else None


def _address(asked: JobQuery, **other: Any) -> str:
    given = {
        "source": asked.source,
        "status": asked.status,
        "q": asked.text,
        "before": asked.before,
        **other,
    }
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{PATH}/jobs?{query}" if query else f"{PATH}/jobs"


def _chips(asked: JobQuery, counts: dict[tuple[str, str], int]) -> list[dict[str, Any]]:
    """The filters, each with its address and how many jobs it has."""

    def count(source: str | None, status: str | None) -> int:
        return sum(
            number
            for (of, state), number in counts.items()
            if source in (None, of) and status in (None, state)
        )

    made = []
    for label, source, status in (
        ("All", None, None),
        ("Studio", "studio", None),
        ("Local", "local", None),
        ("Running", None, "running"),
        ("Failed", None, "failed"),
    ):
        made.append(
            {
                "label": label,
                "count": count(source, status),
                "href": _address(asked, source=source, status=status, before=None),
                "current": (asked.source, asked.status) == (source, status),
            }
        )
    return made
