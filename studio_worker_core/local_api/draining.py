"""An answer that comes before the request has been read whole, such as a refusal of its size.

A connection that is closed while bytes wait to be read is reset, and the client may never see
the answer. So the answer goes out at once, what still comes is read and dropped within bounds,
and then the connection ends.
"""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

MOST_BYTES = 512 << 20
MOST_SECONDS = 30.0
_NO_BODY = ("", "0")


class Draining:
    """``receive`` and ``send`` of one request.

    :param most_bytes: how much is read beyond what the application took.
    :param most_seconds: how long that may take.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        most_bytes: int = MOST_BYTES,
        most_seconds: float = MOST_SECONDS,
    ) -> None:
        headers = Headers(scope=scope)
        is_empty = headers.get("content-length", "") in _NO_BODY
        self._is_whole = is_empty and "transfer-encoding" not in headers
        self._receive = receive
        self._send = send
        self._most_bytes = most_bytes
        self._most_seconds = most_seconds
        self._is_early = False

    async def receive(self) -> Message:
        """What the client sends next."""
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._is_whole = True
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start" and not self._is_whole:
            self._is_early = True
            MutableHeaders(scope=message)["connection"] = "close"
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if not (is_last and self._is_early) or self._is_whole:
            await self._send(message)
            return
        await self._send({**message, "more_body": True})
        try:
            async with asyncio.timeout(self._most_seconds):
                await self._drain()
        except TimeoutError:
            pass  # it has had its time
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _drain(self) -> None:
        left = self._most_bytes
        while not self._is_whole and left > 0:
            left -= len((await self.receive()).get("body", b""))
