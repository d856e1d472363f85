"""One job whose output is sent on while it is made, for a client that may leave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from studio_worker_core.errors import JobCancelled, JobError
from studio_worker_core.local_api.errors import Busy, ClientGone, DeadlinePassed, Refused
from studio_worker_core.local_api.keeping_alive import KeptAlive
from studio_worker_core.local_api.work import LocalJobs, Made, Partial, Work

PATIENCE = 10.0

_News = str | Partial | Made | JobError | Refused


class LiveJob:
    """Starts the job; to be closed whatever happens, which ends one that is not over.

    What is not read in time is put together; a piece costs its own length.

    :param deadline: seconds from now.
    :param previews: whether pictures in the making are wanted, too.
    :param patience: seconds without anything to tell, after which the client is told that.

    Raises:
        Busy: too many wait already.
    """

    def __init__(
        self,
        jobs: LocalJobs,
        work: Work,
        request: Request,
        *,
        deadline: float | None = None,
        previews: bool = False,
        patience: float = PATIENCE,
    ) -> None:
        self.patience = patience
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Queue[_News] = asyncio.Queue()
        self._next: _News | None = None
        self._ended = self._closed = False
        self._made: Made | None = None
        on_preview = self._from_thread if previews else None
        self._stop = jobs.start(work, self._from_thread, self._from_thread, on_preview)
        self._gone = asyncio.ensure_future(self._watch(request))
        self._timer: asyncio.TimerHandle | None = None
        if deadline is not None:
            self._timer = self._loop.call_later(deadline, self._take, DeadlinePassed())

    async def begin(self) -> None:
        """Wait for the first piece, or the end; raises what there is instead of either. When
        patience is over the stream begins without it."""
        try:
            async with asyncio.timeout(self.patience):
                self._next = await self._news.get()
        except TimeoutError:
            return
        if not isinstance(self._next, str | Partial | Made):
            raise _raised(self._next)

    async def pieces(self) -> AsyncIterator[str]:
        """The text, as it comes. Raises JobError, Busy, ClientGone, DeadlinePassed."""
        async for news in self.output():
            if isinstance(news, str):
                yield news

    async def output(self) -> AsyncIterator[str | Partial]:
        """The text and the pictures in the making, as they come; raises as :meth:`pieces`."""
        while True:
            news, self._next = self._next or await self._news.get(), None
            match news:
                case str():
                    yield self._with_those_that_wait(news)
                case Partial():
                    yield news
                case Made():
                    self._made = news
                    return
                case _:
                    raise _raised(news)

    @property
    def made(self) -> Made:
        """The finished job, once there are no more pieces."""
        assert self._made is not None
        return self._made

    async def close(self) -> None:
        """End the job, or give back what it made."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if not self._ended:
            self._stop()
        self._gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._gone
        left = [self._made, self._next]
        while not self._news.empty():
            left.append(self._news.get_nowait())
        for each in left:
            if isinstance(each, Made):
                each.release()

    def _with_those_that_wait(self, piece: str) -> str:
        pieces = [piece]
        while not self._news.empty():
            news = self._news.get_nowait()
            if not isinstance(news, str):
                self._next = news
                break
            pieces.append(news)
        return "".join(pieces)

    def _from_thread(self, news: str | Partial | Made | JobError) -> None:
        try:
            self._loop.call_soon_threadsafe(self._take, news)
        except RuntimeError:  # the server has ended meanwhile
            if isinstance(news, Made):
                news.release()

    def _take(self, news: _News) -> None:
        self._ended = self._ended or isinstance(news, Made | JobError)
        if not self._closed:
            self._news.put_nowait(news)
        elif isinstance(news, Made):
            news.release()

    async def _watch(self, request: Request) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self._take(ClientGone())


class LiveStream(StreamingResponse):
    """Server-sent events of a job that goes on; ``closing`` is called at their end."""

    def __init__(
        self, events: AsyncGenerator[bytes], live: LiveJob, closing: Callable[[], object]
    ) -> None:
        headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
        self._events = KeptAlive(events, live.patience)
        super().__init__(self._events, media_type="text/event-stream", headers=headers)
        self._live = live
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            try:
                await self._events.close()
                await self._live.close()
            finally:
                self._closing()


def _raised(error: JobError | Refused) -> Exception:
    # Cancelled, though not by this client: the worker stops, or made room.
    return Busy() if isinstance(error, JobCancelled) else error
