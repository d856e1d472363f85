"""What moves: browsers are told by server-sent events *that* something changed, and fetch it.

A page that missed something therefore lacks nothing, and what a browser may see is decided where
the thing itself is served.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

_PAUSE_SECONDS = 0.2
"""Between two tellings of one browser: what changes more often is told once."""
_BEAT_SECONDS = 15.0
MOST_STREAMS = 64


class _Stream:
    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.news = asyncio.Event()
        self.topics: dict[str, None] = {}
        self.is_over = False

    def take(self, topic: str) -> None:
        self.topics[topic] = None
        self.news.set()

    def end(self) -> None:
        self.is_over = True
        self.news.set()


class LiveHub:
    """Tells every open page of changes. A telling costs the number of open pages; one page
    holds as many topics as there are.

    :meth:`tell` and :meth:`close` may be called from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams: set[_Stream] = set()
        self._closed = False

    def tell(self, topic: str) -> None:
        """Something under ``topic``, a short word without spaces, has changed."""
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            _call(stream, functools.partial(stream.take, topic))

    def close(self) -> None:
        """End every stream, and give no new one."""
        with self._lock:
            self._closed = True
            streams = list(self._streams)
        for stream in streams:
            _call(stream, stream.end)

    @property
    def open_streams(self) -> int:
        """How many pages listen."""
        return len(self._streams)

    def answer(self) -> Response:
        """The stream for one page; 503 when there are too many."""
        stream = _Stream()
        with self._lock:
            if self._closed or len(self._streams) >= MOST_STREAMS:
                return Response("too many pages are open", 503, media_type="text/plain")
            self._streams.add(stream)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return _Telling(
            self._events(stream),
            closing=lambda: self._forget(stream),
            media_type="text/event-stream",
            headers=headers,
        )

    async def _events(self, stream: _Stream) -> AsyncGenerator[bytes]:
        yield b"retry: 1000\nevent: hello\ndata: -\n\n"
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stream.news.wait(), _BEAT_SECONDS)
            if stream.is_over:
                return
            topics, stream.topics = stream.topics, {}
            stream.news.clear()
            if not topics:
                yield b": still here\n\n"
                continue
            yield f"event: changed\ndata: {' '.join(topics)}\n\n".encode()
            await asyncio.sleep(_PAUSE_SECONDS)

    def _forget(self, stream: _Stream) -> None:
        with self._lock:
            self._streams.discard(stream)


class _Telling(StreamingResponse):
    """One stream, forgotten when its page has gone."""

    def __init__(
        self, events: AsyncGenerator[bytes], closing: Callable[[], None], **more: Any
    ) -> None:
        super().__init__(events, **more)
        self._events = events
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._closing()
            await self._events.aclose()


def _call(stream: _Stream, what: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # its loop has ended
        stream.loop.call_soon_threadsafe(what)
