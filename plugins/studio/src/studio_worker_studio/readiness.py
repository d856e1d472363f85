"""Whether a studio can do its work now: its database answers, and a result could be stored."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from studio_worker_studio.results.interface import ResultStorage
from studio_worker_studio.store.interface import ModelStore

log = logging.getLogger("studio_worker.studio")

_SECONDS = 5.0
"""So long a check may take."""


class _Check(Protocol):
    async def __call__(self) -> None: ...


class Readiness:
    """Looks when it is asked; who asks meanwhile gets the same answer, so that a disk that
    hangs holds one thread and no more."""

    def __init__(self, models: ModelStore, results: ResultStorage) -> None:
        self._models = models
        self._results = results
        self._ended = False
        self._failed: set[str] = set()
        self._looks: dict[str, asyncio.Task[None]] = {}

    def end(self) -> None:
        """The studio stops: it is not ready any more."""
        self._ended = True

    async def failures(self) -> dict[str, str | None]:
        """The reason of each check that fails, None for those that hold."""
        checks: dict[str, _Check] = {"database": self._database, "results": self._storage}
        reasons = await asyncio.gather(*(self._reason(*check) for check in checks.items()))
        found: dict[str, str | None] = dict(zip(checks, reasons, strict=True))
        if self._ended:
            found["running"] = "the studio is stopping"
        return found

    async def _reason(self, name: str, check: _Check) -> str | None:
        look = self._looks.get(name)
        if look is None or look.done():
            look = self._looks[name] = asyncio.ensure_future(check())
        try:
            async with asyncio.timeout(_SECONDS):
                await asyncio.shield(look)
        except TimeoutError:
            reason = f"no answer within {_SECONDS:g} s"
        except Exception as error:
            reason = str(error) or type(error).__name__
        else:
            if name in self._failed:
                self._failed.remove(name)
                log.info("ready again: %s", name)
            return None
        if name not in self._failed:
            self._failed.add(name)
            log.warning("not ready: %s: %s", name, reason)
        return reason

    async def _database(self) -> None:
        await self._models.page(None, 1)

    async def _storage(self) -> None:
        await asyncio.to_thread(self._try_to_store)

    def _try_to_store(self) -> None:
        incoming = self._results.receive()
        try:
            incoming.write(b"ready")
            incoming.finish()
        finally:
            incoming.discard()
