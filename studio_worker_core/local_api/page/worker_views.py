"""The views Worker and Logs, and the pause: what the worker is and says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from studio_worker_core.local_api.daemon import Daemon
from studio_worker_core.local_api.page.signing import PATH
from studio_worker_core.web.frame import Frames
from studio_worker_core.web.sessions import Session
from studio_worker_core.web.signing import SignedIn, is_fragment
from studio_worker_core.wire.frames import LogEntry

MOST_LINES = 500
_LONGEST = 4000
LEVELS = ("debug", "info", "warn", "error")


class WorkerRoutes:
    """The routes of both views over one :class:`.Daemon`."""

    def __init__(self, daemon: Daemon, frames: Frames, signed: SignedIn) -> None:
        self._daemon = daemon
        self._frames = frames
        self._signed = signed

    def routes(self) -> list[Route]:
        """The routes, for the page."""
        view, change = self._signed.view, self._signed.change
        return [
            Route("/worker", view(self.worker)),
            Route("/pause", change(self.pause), methods=["POST"]),
            Route("/registration/reset", change(self.reset), methods=["POST"]),
            Route("/logs", view(self.logs)),
            Route("/logs/download", view(self.download)),
        ]

    async def worker(self, request: Request, session: Session) -> Response:
        """What the worker is, and what it does."""
        status = await run_in_threadpool(self._daemon.status)
        values: dict[str, Any] = {"daemon": status, "since": seconds_of(status.since)}
        if is_fragment(request):
            return self._frames.fragment("worker_cards.html", csrf=session.csrf, **values)
        return self._frames.page(request, session, "worker.html", "Worker", "worker", **values)

    async def pause(self, request: Request, session: Session, form: FormData) -> Response:
        """Take offers, or none, in this run."""
        wanted = self._daemon.pause if form.get("paused") == "yes" else self._daemon.resume
        await run_in_threadpool(wanted)
        if is_fragment(request):
            return Response(status_code=204)
        came_from = urlsplit(request.headers.get("referer", ""))
        is_here = came_from.netloc == request.url.netloc and came_from.path.startswith(f"{PATH}/")
        return RedirectResponse(came_from.path if is_here else f"{PATH}/worker", 303)

    async def reset(self, request: Request, session: Session, form: FormData) -> Response:
        """Forget a rejection and ask anew."""
        await run_in_threadpool(self._daemon.reset)
        return RedirectResponse(f"{PATH}/worker", 303)

    async def logs(self, request: Request, session: Session) -> Response:
        """The newest lines, or those after one."""
        query = request.query_params
        level = query.get("level", "") if query.get("level") in LEVELS else ""
        text = query.get("q", "")[:200]
        after = query.get("after", "")
        number = int(after) if after.isascii() and after.isdecimal() and len(after) < 19 else None
        page = await run_in_threadpool(self._daemon.logs, number)
        values: Mapping[str, Any] = {
            "lines": [shown_line(each) for each in chosen(page.entries, level, text)[-MOST_LINES:]],
            "seq": page.seq,
            "level": level,
            "text": text,
            "levels": LEVELS,
        }
        if number is not None:
            return self._frames.fragment("log_lines.html", **values)
        return self._frames.page(request, session, "logs.html", "Logs", "logs", **values)

    async def download(self, request: Request, session: Session) -> Response:
        """Every line that is kept."""
        page = await run_in_threadpool(self._daemon.logs, None)
        text = "".join(
            f"{each.ts} {each.level} {each.category}: {each.message}\n" for each in page.entries
        )
        headers = {"content-disposition": 'attachment; filename="studio-worker.log"'}
        return Response(text, media_type="text/plain; charset=utf-8", headers=headers)


def chosen(entries: Sequence[LogEntry], level: str, text: str) -> list[LogEntry]:
    """The lines of at least ``level`` that have ``text`` in them."""
    least = LEVELS.index(level) if level else 0
    wanted = text.casefold()
    return [
        each
        for each in entries
        if weight(each.level) >= least
        and (not wanted or wanted in f"{each.category} {each.message}".casefold())
    ]


def weight(level: str) -> int:
    """How grave a line is: its place in :data:`LEVELS`."""
    plain = level.lower().replace("warning", "warn").replace("critical", "error")
    return LEVELS.index(plain) if plain in LEVELS else 1


def shown_line(entry: LogEntry) -> dict[str, str]:
    """A line as the view shows it, cut where it is very long."""
    message = entry.message
    if len(message) > _LONGEST:
        message = f"{message[:_LONGEST]}… ({len(message)} characters)"
    level = LEVELS[weight(entry.level)]
    return {"ts": entry.ts, "level": level, "category": entry.category, "message": message}


def seconds_of(moment: str) -> float:
    """Seconds since 1970 of a moment in RFC 3339."""
    return datetime.fromisoformat(moment).timestamp()
