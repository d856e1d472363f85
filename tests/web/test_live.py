"""Browsers hear of changes, each once, and streams end when they are to."""

from __future__ import annotations

import asyncio
import threading

from starlette.types import Message

from studio_worker_core.web.live import MOST_STREAMS, LiveHub

_SECONDS = 60


class Listener:
    """One page that listens, as the server runs it."""

    def __init__(self, hub: LiveHub) -> None:
        self.answer = hub.answer()
        self.parts: asyncio.Queue[str] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.task = asyncio.create_task(
            self.answer({"type": "http", "asgi": {"spec_version": "2.3"}}, self.receive, self.send)
        )

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if body := message.get("body"):
            await self.parts.put(body.decode())

    async def hears(self) -> str:
        async with asyncio.timeout(_SECONDS):
            return await self.parts.get()

    async def ended(self) -> None:
        async with asyncio.timeout(_SECONDS):
            await self.task


def test_a_change_is_told_by_its_name_and_many_changes_once() -> None:
    async def run() -> None:
        hub = LiveHub()
        page = Listener(hub)
        assert "event: hello" in await page.hears()

        def tell() -> None:
            for _ in range(50):
                hub.tell("work-1")

        teller = threading.Thread(target=tell)
        teller.start()
        teller.join()
        assert await page.hears() == "event: changed\ndata: work-1\n\n"
        hub.tell("a")
        hub.tell("b")
        hub.tell("a")
        assert await page.hears() == "event: changed\ndata: a b\n\n"
        hub.close()
        await page.ended()
        assert hub.open_streams == 0
        assert hub.answer().status_code == 503

    asyncio.run(run())


def test_a_page_that_goes_away_is_forgotten_and_there_is_a_most() -> None:
    async def run() -> None:
        hub = LiveHub()
        pages = [Listener(hub) for _ in range(MOST_STREAMS)]
        for page in pages:
            await page.hears()
        assert hub.answer().status_code == 503
        left = pages.pop()
        left.gone.set()
        await left.ended()
        assert hub.open_streams == MOST_STREAMS - 1
        pages.append(Listener(hub))
        assert "event: hello" in await pages[-1].hears()
        hub.close()
        for page in pages:
            await page.ended()
        assert hub.open_streams == 0

    asyncio.run(run())


def test_after_the_end_of_its_loop_a_page_is_not_told() -> None:
    async def run() -> LiveHub:
        hub = LiveHub()
        page = Listener(hub)
        await page.hears()
        page.gone.set()
        await page.ended()
        return hub

    hub = asyncio.run(run())
    hub.tell("work-1")
    hub.close()
