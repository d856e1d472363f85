"""The one thread that writes the journal. Whoever has something for it never waits: what does
not fit into its backlog is counted, and said once."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import uuid
from collections import deque
from collections.abc import Callable
from pathlib import Path

from studio_worker_core.config import JournalLimits
from studio_worker_core.journal.database import is_damage, open_database, put_aside, transaction
from studio_worker_core.journal.writing import (
    Change,
    close_running,
    give_back_room,
    newest_number,
    prune,
    write,
)
from studio_worker_core.storage.disk import Disk

_log = logging.getLogger("studio_worker.journal")

MOST_WAITING = 10_000
"""Changes that may wait for the disk, and …"""
MOST_WAITING_BYTES = 16 << 20
"""… about how many bytes of them."""

_GATHER_SECONDS = 0.02
_BATCH = 2000
_PAUSE_SECONDS = 1.0


class Writer:
    """Keeps a backlog and writes it; :meth:`run` is the body of its thread.

    :param on_open: told the number of the latest job there is.
    """

    def __init__(
        self,
        path: Path,
        limits: Callable[[], JournalLimits],
        *,
        on_open: Callable[[int], None] = lambda _number: None,
        disk: Disk | None = None,
    ) -> None:
        self._path = path
        self._limits = limits
        self._on_open = on_open
        self._disk = disk or Disk()
        self._run = uuid.uuid4().hex
        self._changed = threading.Condition()
        self._waiting: deque[Change] = deque()
        self._bytes = 0
        self._lost = 0
        self._put = self._done = 0
        self._wanted = 0
        """Somebody waits for everything up to that change."""
        self._ending = False
        self._connection: sqlite3.Connection | None = None
        self._complained = False

    @property
    def lost(self) -> int:
        """Changes lost since that was said last."""
        return self._lost

    def put(self, change: Change) -> None:
        """Have it written soon; at once lost where too much waits already. Never waits."""
        with self._changed:
            if self._ending:
                return
            if len(self._waiting) >= MOST_WAITING or self._bytes + change.size > MOST_WAITING_BYTES:
                self._lost += 1
                return
            self._waiting.append(change)
            self._bytes += change.size
            self._put += 1
            if len(self._waiting) == 1:
                self._changed.notify_all()

    def settle(self, seconds: float) -> bool:
        """Wait, at most so long, until what was put so far is written or lost."""
        with self._changed:
            upto = self._put
            self._wanted = max(self._wanted, upto)
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._done >= upto, seconds)

    def end(self) -> None:
        """Write what waits, then end :meth:`run`. Nothing more is taken."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()

    def run(self) -> None:
        """Write until :meth:`end`."""
        try:
            self._write([])  # opened now: what an earlier run left is put right
            while batch := self._next():
                if not self._write(batch):
                    with self._changed:
                        self._changed.wait_for(lambda: self._ending, _PAUSE_SECONDS)
        finally:
            self._close()
        if self._lost:
            _log.warning("%d entries of the job journal are lost", self._lost)

    def _next(self) -> list[Change]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending)
            # A job brings its changes by the dozen: one transaction takes those of a moment.
            self._changed.wait_for(
                lambda: self._ending or self._wanted > self._done, _GATHER_SECONDS
            )
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _BATCH))]
            self._bytes -= sum(change.size for change in batch)
            return batch

    def _write(self, batch: list[Change]) -> bool:
        try:
            try:
                self._written(batch)
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
                self._close()
                put_aside(self._path, str(error))
                self._written(batch)
        except (OSError, sqlite3.Error, ValueError) as error:
            # The last: a text that no encoding takes, such as a path that is no UTF-8.
            self._close()
            self._failed(len(batch), error)
            return False
        else:
            self._succeeded()
            return True
        finally:
            with self._changed:
                self._done += len(batch)
                self._changed.notify_all()

    def _written(self, batch: list[Change]) -> None:
        connection, limits = self._opened(), self._limits()
        if not batch:
            return
        with transaction(connection):
            write(connection, self._run, batch)
            prune(connection, limits.max_jobs, limits.max_mb * 1_000_000)
        give_back_room(connection)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = open_database(self._path, self._disk)
            try:
                with transaction(connection):
                    left = close_running(connection, self._run)
                self._on_open(newest_number(connection))
            except BaseException:
                connection.close()
                raise
            self._connection = connection
            if left:
                _log.info("%d jobs ran when an earlier worker ended: shown as failed", left)
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _failed(self, count: int, error: Exception) -> None:
        with self._changed:
            self._lost += count
        if not self._complained:
            self._complained = True
            _log.warning(
                "the job journal %s cannot be written: %s; jobs go on without it",
                *(self._path, error),
            )

    def _succeeded(self) -> None:
        with self._changed:
            lost, self._lost = self._lost, 0
        if self._complained or lost:
            self._complained = False
            _log.warning("the job journal is written again; %d of its entries are lost", lost)
