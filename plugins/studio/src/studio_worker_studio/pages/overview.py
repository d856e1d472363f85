"""The view Overview: the fleet, the queue, what ended and why it failed."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from studio_worker_core.web.frame import Frames
from studio_worker_core.web.sessions import Session
from studio_worker_core.web.signing import SignedIn, is_fragment
from studio_worker_studio.pages.ages import ago, stamp
from studio_worker_studio.pages.plots import ended_plot
from studio_worker_studio.pages.standing import HOURS, Figures
from studio_worker_studio.store.records import JobState
from studio_worker_studio.studio import Studio


class OverviewViews:
    """The route of the view."""

    def __init__(self, studio: Studio, figures: Figures, frames: Frames, signed: SignedIn) -> None:
        self._studio = studio
        self._figures = figures
        self._frames = frames
        self._signed = signed

    def routes(self) -> list[Route]:
        """The routes, for the pages."""
        return [Route("/overview", self._signed.view(self.overview))]

    async def overview(self, request: Request, session: Session) -> Response:
        """Everything at a glance."""
        sums = await self._figures.sums()
        standing = await self._figures.standing()
        known = await self._studio.workers.page(None, 1)
        now = self._studio.clocks.wall()
        waiting = [
            (each, ago(each.oldest, now), stamp(each.oldest)) for each in sums.statistics.waiting
        ]
        causes = [
            (each, ago(each.latest, now), stamp(each.latest)) for each in sums.statistics.causes
        ]
        values: dict[str, Any] = {
            "fleet": standing,
            "any_worker": bool(known),
            "running": sums.counts.get(JobState.CLAIMED, 0),
            "waiting": waiting,
            "causes": causes,
            "plot": ended_plot(sums.statistics.ended),
            "hours": HOURS,
            "any_job": any(sums.counts.values()),
        }
        if is_fragment(request):
            return self._frames.fragment("overview_cards.html", **values)
        return self._frames.page(
            request, session, "overview.html", "Overview", "overview", **values
        )
