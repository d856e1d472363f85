"""Looking at the outbox again and again: what other processes and people did there."""

from __future__ import annotations

import logging
from collections.abc import Callable

from studio_worker_core.delivery.queue import Queue
from studio_worker_core.delivery.settling import Settling
from studio_worker_core.errors import OutboxError
from studio_worker_core.outbox import Entry, Outbox

_log = logging.getLogger("studio_worker.delivery")
_PRUNE_SECONDS = 600.0


class Rescan:
    """Brings the queue up to what is on disk, every ``every`` seconds at most.

    What ``may_send`` says no to is kept on disk, said once, and not in the queue.
    """

    def __init__(
        self,
        outbox: Outbox,
        queue: Queue,
        settling: Settling,
        may_send: Callable[[Entry], bool],
        every: float,
    ) -> None:
        self._outbox = outbox
        self._queue = queue
        self._settling = settling
        self._may_send = may_send
        self._every = every
        self.due = self._prune_at = queue.clock()
        """When it is to be looked at next."""
        self._others = 0

    def look(self) -> None:
        """Look now, if it is time."""
        now = self._queue.clock()
        if now < self.due:
            return
        self.due = now + self._every
        before = self._queue.results()
        try:
            found = self._outbox.pending()
            if now >= self._prune_at:
                self._prune_at = now + _PRUNE_SECONDS
                self._outbox.prune()
        except (OSError, OutboxError) as error:
            _log.warning("the outbox cannot be looked through: %s", error)
            return
        for result in self._queue.compare(before, self._of_this_identity(found)):
            self._queue.tell(result, self._settling.missing(result.entry))

    def _of_this_identity(self, found: list[Entry]) -> list[Entry]:
        results = self._queue.results()
        self._queue.leave([each for each in results if not self._may_send(each.entry)])
        mine = [entry for entry in found if self._may_send(entry)]
        others = len(found) - len(mine)
        if others and others != self._others:
            _log.warning(
                "%d finished results are for another identity of this worker: kept, not sent; "
                "see 'studio-worker outbox list'",
                others,
            )
        self._others = others
        return mine
