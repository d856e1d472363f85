"""Signs of life in a stream of events while nothing of the answer comes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

SIGN = b": still at it\n\n"
"""A comment, which clients pass over."""


class KeptAlive:
    """``events``, with a sign of life after each stretch of ``patience`` seconds without one.

    A model that is loaded or reads a long prompt says nothing for minutes, and clients or what is
    between would give up.
    """

    def __init__(self, events: AsyncGenerator[bytes], patience: float) -> None:
        self._events = events
        self._patience = patience
        self._next: asyncio.Task[bytes | None] | None = None

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        """The events, to their end."""
        while True:
            self._next = asyncio.ensure_future(self._one())
            while not (await asyncio.wait({self._next}, timeout=self._patience))[0]:
                yield SIGN
            event = self._next.result()
            if event is None:
                return
            yield event

    async def close(self) -> None:
        """Let go of the events, wherever they are."""
        if self._next is not None:
            self._next.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._next  # whatever it ended with was told, or has nobody to hear it
        await self._events.aclose()

    async def _one(self) -> bytes | None:
        return await anext(self._events, None)
