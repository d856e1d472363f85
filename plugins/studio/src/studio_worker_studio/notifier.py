"""Telling whoever listens that something changed: the events of protocol §6, and new work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol

Change = Literal["workersChanged", "jobsChanged", "logs", "workWaiting"]
"""What changed. ``workWaiting``: a job is queued; it is for the dispatch, not for listeners."""

Heard = Callable[[Change, str | None], None]

MAX_IDS = 100
"""A bell names so many of what changed; there may be more when it names all of them."""


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
        if ident is not None and len(idents) < MAX_IDS:
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


class Notifier(Protocol):
    """Reaches every part of a studio that has to hear of a change, in whichever server it runs.
    For the event loop's thread only. A note may be lost with a connection between servers:
    whoever acts on one looks from time to time as well."""

    def tell(self, change: Change, ident: str | None = None) -> None:
        """Something of this sort changed; ``ident`` is the worker or job."""

    def subscribe(self, heard: Heard) -> None:
        """Call ``heard``, which must not wait, with every change from now on."""

    def listen(self) -> AbstractContextManager[Bell]:
        """A bell for as long as the block runs."""

    def end(self) -> None:
        """The studio stops: every listener is told."""


class LocalNotifier:
    """:class:`Notifier` within one process. A note costs one call for each subscriber and one
    for each listener: a handful of browsers and scripts, never workers."""

    def __init__(self) -> None:
        self._bells: set[Bell] = set()
        self._subscribers: list[Heard] = []
        self._over = False

    def tell(self, change: Change, ident: str | None = None) -> None:
        """See :meth:`Notifier.tell`."""
        for heard in self._subscribers:
            heard(change, ident)
        if change == "workWaiting":
            return
        for bell in self._bells:
            bell.ring(change, ident)

    def subscribe(self, heard: Heard) -> None:
        """See :meth:`Notifier.subscribe`."""
        self._subscribers.append(heard)

    @contextmanager
    def listen(self) -> Iterator[Bell]:
        """See :meth:`Notifier.listen`."""
        bell = Bell()
        if self._over:
            bell.end()
        self._bells.add(bell)
        try:
            yield bell
        finally:
            self._bells.discard(bell)

    def end(self) -> None:
        """See :meth:`Notifier.end`."""
        self._over = True
        for bell in self._bells:
            bell.end()
