"""Telling listeners that something changed: the three events of protocol §6."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

__all__ = ["Bell", "Change", "Events"]

Change = Literal["workersChanged", "jobsChanged", "logs"]

_MAX_IDS = 100


class Bell:
    """One listener's share: changes since it last looked, joined so that a slow listener
    costs nothing."""

    def __init__(self) -> None:
        self._pending: dict[Change, dict[str, None]] = {}
        self._rung = asyncio.Event()
        self._over = False

    def ring(self, change: Change, ident: str | None) -> None:
        """Note a change, with the worker or job it is about."""
        idents = self._pending.setdefault(change, {})
        if ident is not None and len(idents) < _MAX_IDS:
            idents[ident] = None
        self._rung.set()

    def end(self) -> None:
        """No more changes will come."""
        self._over = True
        self._rung.set()

    async def wait(self) -> dict[Change, list[str]] | None:
        """The changes since the last call, once there are some; None at the end."""
        await self._rung.wait()
        self._rung.clear()
        if self._over:
            self._rung.set()
            return None
        changes, self._pending = self._pending, {}
        return {change: list(idents) for change, idents in changes.items()}


class Events:
    """The studio's side: rings the bell of everybody who listens. Event loop only."""

    def __init__(self) -> None:
        self._bells: set[Bell] = set()
        self._over = False

    def tell(self, change: Change, ident: str | None = None) -> None:
        """Something of this sort changed."""
        for bell in self._bells:
            bell.ring(change, ident)

    @contextmanager
    def listen(self) -> Iterator[Bell]:
        """A bell for as long as the block runs."""
        bell = Bell()
        if self._over:
            bell.end()
        self._bells.add(bell)
        try:
            yield bell
        finally:
            self._bells.discard(bell)

    def end(self) -> None:
        """The studio stops: every listener is told."""
        self._over = True
        for bell in self._bells:
            bell.end()
