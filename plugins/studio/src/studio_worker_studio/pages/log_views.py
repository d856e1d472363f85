"""The view Logs: what workers said, as it comes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from studio_worker_core.web.frame import Frames
from studio_worker_core.web.sessions import Session
from studio_worker_core.web.signing import SignedIn
from studio_worker_studio.pages.entrance import PATH
from studio_worker_studio.routes.endpoint import whole_number
from studio_worker_studio.store.records import LogRecord
from studio_worker_studio.studio import Studio

LEVELS = ("debug", "info", "warn", "error")
_MOST_LINES = 500
_LOOKED_THROUGH = 5_000
"""Lines that a filter by level or text looks through, from the newest."""
_LONGEST = 4_000
_BATCH = 1_000
_LONGEST_ID = 200


class LogViews:
    """The routes of the view."""

    def __init__(self, studio: Studio, frames: Frames, signed: SignedIn) -> None:
        self._studio = studio
        self._frames = frames
        self._signed = signed

    def routes(self) -> list[Route]:
        """The routes, for the pages."""
        view = self._signed.view
        return [Route("/logs", view(self.logs)), Route("/logs/download", view(self.download))]

    async def logs(self, request: Request, session: Session) -> Response:
        """The newest lines, or those after one."""
        query = request.query_params
        chosen = {
            "worker": query.get("worker", "").strip()[:_LONGEST_ID],
            "job": query.get("job", "").strip()[:_LONGEST_ID],
            "level": query.get("level", "") if query.get("level") in LEVELS else "",
            "q": query.get("q", "")[:_LONGEST_ID],
        }
        after = whole_number(query.get("after", ""))
        found = await self._studio.logs.page(
            job_id=chosen["job"] or None,
            worker_id=chosen["worker"] or None,
            after=after,
            limit=_LOOKED_THROUGH if chosen["level"] or chosen["q"] else _MOST_LINES,
            newest_first=after is None,
        )
        records = found if after is not None else found[::-1]
        last = records[-1].id if records else after or 0
        lines = [shown_line(each) for each in records if _fits(each, chosen)][-_MOST_LINES:]
        given = urlencode({**{k: v for k, v in chosen.items() if v}, "after": last})
        values: dict[str, Any] = {
            "lines": lines,
            "more": f"{PATH}/logs?{given}",
            "is_single": bool(chosen["job"]),
        }
        if after is not None:
            return self._frames.fragment("log_lines.html", **values)
        workers = await self._studio.workers.page(None, _MOST_LINES)
        kept = urlencode({k: v for k, v in chosen.items() if v and k in ("worker", "job")})
        return self._frames.page(
            request, session, "logs.html", "Logs", "logs", chosen=chosen, levels=LEVELS,
            workers=[(each.worker_id, each.capabilities.machine_name) for each in workers],
            download=f"{PATH}/logs/download?{kept}", **values,
        )  # fmt: skip

    async def download(self, request: Request, session: Session) -> Response:
        """Every line that is kept, or those of a worker or a job."""
        query = request.query_params
        job_id, worker_id = query.get("job") or None, query.get("worker") or None

        async def lines() -> Any:
            after = 0
            while found := await self._studio.logs.page(
                job_id=job_id, worker_id=worker_id, after=after, limit=_BATCH
            ):
                after = found[-1].id
                yield "".join(
                    f"{each.entry.ts} {each.worker_id} {each.entry.job_id or '-'}"
                    f" {each.entry.level} {each.entry.category}: {each.entry.message}\n"
                    for each in found
                )

        headers = {"content-disposition": 'attachment; filename="studio-logs.txt"'}
        return StreamingResponse(lines(), media_type="text/plain; charset=utf-8", headers=headers)


def shown_line(record: LogRecord) -> dict[str, str]:
    """A line as a view shows it, cut where it is very long."""
    entry = record.entry
    message = entry.message
    if len(message) > _LONGEST:
        message = f"{message[:_LONGEST]}… ({len(message)} characters)"
    return {
        "ts": entry.ts,
        "level": LEVELS[_weight(entry.level)],
        "category": entry.category,
        "message": message,
        "worker": record.worker_id,
        "job": entry.job_id or "",
    }


def _fits(record: LogRecord, chosen: dict[str, str]) -> bool:
    entry, level, text = record.entry, chosen["level"], chosen["q"].casefold()
    if level and _weight(entry.level) < LEVELS.index(level):
        return False
    return not text or text in f"{entry.category} {entry.message}".casefold()


def _weight(level: str) -> int:
    plain = level.lower().replace("warning", "warn").replace("critical", "error")
    return LEVELS.index(plain) if plain in LEVELS else 1
