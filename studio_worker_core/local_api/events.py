"""``GET /daemon/events``: what happens to the worker, as server-sent events. Ours.

A client is brought up to date, not told every step: whenever something has changed, and a
moment has passed since it was told last, it gets what differs from what it has. So nothing is
kept for it but what it was sent, and one that reads slowly skips to the newest state.

=========  ==================================================================================
event      data
=========  ==================================================================================
`status`   :class:`.DaemonStatus` without the jobs and ``logsSeq``
`jobs`     the three lists of jobs of a status: once, at the beginning
`job`      one :class:`.JobShown` that is new, went on or ended
`logs`     a :class:`.LogPage`; its ``id`` lets a client that comes back go on from there
`ended`    nothing: the worker is about to be gone
=========  ==================================================================================
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from studio_worker_core.local_api.daemon import Daemon, JobShown
from studio_worker_core.local_api.errors import Busy
from studio_worker_core.local_api.line_numbers import line_number

_log = logging.getLogger("studio_worker.local_api")

MOST_STREAMS = 16
"""Pages that are open at once; a browser shares one among its tabs."""

_JOBS = ("activeJobs", "recentJobs", "localJobs")
_RESTLESS = ("heartbeat", "vramFreeGb")
"""What changes all the time and is news to nobody by itself."""


class Pace(Struct, frozen=True):
    """How fast a stream goes; seconds."""

    rest: Callable[[], Awaitable[None]] = partial(asyncio.sleep, 0.25)
    """Between two tellings."""
    quiet: float = 15.0
    """Without news a sign of life is sent, below what proxies wait for."""
    stuck: float = 60.0
    """A client that takes nothing for so long is let go."""


class EventRoutes:
    """The route over one :class:`.Daemon`. A change costs each open stream one look at the
    worker, four times a second at most."""

    def __init__(self, daemon: Daemon, pace: Pace | None = None) -> None:
        self._daemon = daemon
        self._pace = pace or Pace()
        self._run = secrets.token_hex(4)
        """Numbers of lines mean something in one run only."""
        self._open = 0

    def routes(self) -> list[BaseRoute]:
        """The route, for an application."""
        return [Route("/daemon/events", self.events, methods=["GET"])]

    async def events(self, request: Request) -> Response:
        """``GET /daemon/events?after=``: with lines of the log after that number, or from now
        on; a ``Last-Event-ID`` wins."""
        if self._open >= MOST_STREAMS:
            raise Busy(f"{MOST_STREAMS} clients follow the events already; close one")
        after = line_number(request.query_params.get("after"))
        known = request.headers.get("last-event-id", "")
        if known:
            run, _, number = known.partition(".")
            after = line_number(number) if run == self._run else 0
        return _Stream(self._following(after), self._pace.stuck)

    async def _following(self, after: int | None) -> AsyncGenerator[bytes]:
        bell = _Bell(asyncio.get_running_loop())
        client = _Client(self._daemon, self._run, after)
        self._open += 1
        leave = self._daemon.subscribe(bell.ring)
        try:
            quiet = False
            while True:
                ended = self._daemon.ended  # asked before the last look: nothing comes after it
                bell.clear()
                for event in await run_in_threadpool(client.news, quiet=quiet):
                    yield event
                if ended:
                    yield _event("ended", {})
                    return
                await self._pace.rest()
                quiet = not await bell.rings_within(self._pace.quiet)
                if quiet:
                    yield b": nothing new\n\n"
        finally:
            leave()
            self._open -= 1


class _Client:
    """What one client has been told."""

    def __init__(self, daemon: Daemon, run: str, after: int | None) -> None:
        self._daemon = daemon
        self._run = run
        self._seq = after
        self._status: Mapping[str, Any] | None = None
        self._jobs: dict[tuple[str, str, str], JobShown] | None = None

    def news(self, *, quiet: bool) -> list[bytes]:
        """The events that bring it up to date; with ``quiet`` also those that nobody waits for."""
        status = self._daemon.status()
        jobs = [*reversed(status.local_jobs), *reversed(status.recent_jobs), *status.active_jobs]
        told = {(job.source.value, job.job_id, job.started_at): job for job in jobs}
        shown = msgspec.to_builtins(status)
        lists = {name: shown.pop(name) for name in _JOBS}
        del shown["logsSeq"]
        return [*self._status_news(shown, quiet), *self._job_news(told, lists), *self._log_news()]

    def _status_news(self, shown: dict[str, Any], quiet: bool) -> Iterator[bytes]:
        before = self._status
        if before is None or (shown if quiet else _calm(shown)) != (
            before if quiet else _calm(before)
        ):
            self._status = shown
            yield _event("status", shown)

    def _job_news(
        self, told: dict[tuple[str, str, str], JobShown], lists: Mapping[str, Any]
    ) -> Iterator[bytes]:
        before, self._jobs = self._jobs, told
        if before is None:
            yield _event("jobs", lists)
            return
        for key, job in told.items():
            if before.get(key) != job:
                yield _event("job", job)

    def _log_news(self) -> Iterator[bytes]:
        page = self._daemon.logs(self._seq)
        if self._seq is not None and (page.entries or page.missed):
            yield _event("logs", page, f"{self._run}.{page.seq}")
        self._seq = page.seq


class _Bell:
    """Rung from any thread, heard on the event loop; rings that come together are one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heard = asyncio.Event()
        self._rung = False

    def ring(self) -> None:
        if not self._rung:
            self._rung = True
            with contextlib.suppress(RuntimeError):  # the server has ended meanwhile
                self._loop.call_soon_threadsafe(self._heard.set)

    def clear(self) -> None:
        """Before a look: what rings from here on is news again."""
        self._heard.clear()
        self._rung = False

    async def rings_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._heard.wait(), seconds)
        except TimeoutError:
            return False
        return True


class _Stuck(Exception):
    """The client takes nothing."""


class _Stream(StreamingResponse):
    """The events, until the client leaves or takes nothing any more."""

    def __init__(self, events: AsyncGenerator[bytes], stuck: float) -> None:
        headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._events = events
        self._stuck_seconds = stuck

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""

        async def bounded(message: Message) -> None:
            try:
                await asyncio.wait_for(send(message), self._stuck_seconds)
            except TimeoutError:
                raise _Stuck from None

        try:
            await super().__call__(scope, receive, bounded)
        except _Stuck:
            _log.info("a client of /daemon/events took nothing for a while and was let go")
        finally:
            await self._events.aclose()


def _calm(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if key not in _RESTLESS}


def _event(name: str, data: Any, number: str | None = None) -> bytes:
    lines = [f"event: {name}".encode(), b"data: " + msgspec.json.encode(data)]
    if number is not None:
        lines.insert(1, f"id: {number}".encode())
    return b"\n".join(lines) + b"\n\n"
