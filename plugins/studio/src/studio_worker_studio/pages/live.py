"""What moves: a browser is told *that* something changed, and fetches it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from starlette.responses import Response, StreamingResponse

from studio_worker_studio.notifier import Change, Notifier

MOST_STREAMS = 64
_BEAT_SECONDS = 15.0
_QUIET_SECONDS = 0.25
"""Between a change and its telling: sums that were kept for a moment are made anew by then."""
_PAUSE_SECONDS = 0.75
"""After a telling: of a busy studio a page asks once a second."""


class Live:
    """Streams of changes, one for each open page. A change costs the number of pages; a page
    that is slow holds a hundred names at most."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._open = 0

    def answer(self) -> Response:
        """The stream for one page; 503 when there are too many."""
        if self._open >= MOST_STREAMS:
            return Response("too many pages are open", 503, media_type="text/plain")
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(self._events(), media_type="text/event-stream", headers=headers)

    async def _events(self) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            with self._notifier.listen() as bell:
                yield b"retry: 1000\nevent: hello\ndata: -\n\n"
                while True:
                    try:
                        async with asyncio.timeout(_BEAT_SECONDS):
                            changes = await bell.wait()
                    except TimeoutError:
                        yield b": still here\n\n"
                        continue
                    if changes is None:
                        return
                    await asyncio.sleep(_QUIET_SECONDS)
                    yield f"event: changed\ndata: {' '.join(topics_of(changes))}\n\n".encode()
                    await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            self._open -= 1


def topics_of(changes: Mapping[Change, Sequence[str]]) -> list[str]:
    """What to fetch anew, as words in ``data-live``."""
    topics: list[str] = []
    for change, idents in changes.items():
        match change:
            case "workersChanged":
                topics += ["workers", "status"]
            case "jobsChanged":
                topics += ["jobs", "status", *(f"job-{each}" for each in idents)]
            case "logs":
                topics.append("logs")
    return list(dict.fromkeys(topics))
