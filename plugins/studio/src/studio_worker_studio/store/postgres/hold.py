"""One studio at a time on one database: two that do not know of each other would give out the
same jobs' claims twice over."""

from __future__ import annotations

import contextlib
import logging
import threading

import psycopg

from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.secrets import Secret
from studio_worker_studio.errors import StoreError
from studio_worker_studio.store.postgres.connecting import Connection, connect, shown

log = logging.getLogger("studio_worker.studio")

SERVING = 0x73747564_00000002
"""The advisory lock of whoever serves the database."""
_LOOK_SECONDS = 5.0
_WAIT_SECONDS = 3


class Hold:
    """The advisory lock, on a connection of its own that is looked at from time to time: a
    restart of the database ends both, and the lock is taken again. For a direct connection: a
    pooler in transaction mode would leave the lock to somebody else."""

    def __init__(self, address: Secret) -> None:
        """
        Raises:
            StoreError: another studio has it, or the database cannot be used.
        """
        self._address = address
        self._connection = connect(address)
        try:
            if not _taken(self._connection, wait=True):
                raise StoreError(f"another studio already serves {shown(address)}; stop it first")
        except BaseException:
            self._connection.close()
            raise
        self.lost = False
        """Somebody else has taken the database meanwhile: nothing may be written any more."""
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="studio-db-hold", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let others have the database."""
        self._over.set()
        self._thread.join()
        # The database sees the end of a connection later than whoever starts next.
        with contextlib.suppress(psycopg.Error):
            self._connection.execute("SELECT pg_advisory_unlock_all()")
        self._connection.close()

    def look(self) -> None:
        """Take it again if the database has ended it meanwhile. The thread does this by itself
        every few seconds."""
        with self._lock:
            try:
                if not self.lost:
                    self._connection.execute("SELECT 1")
                    return
            except psycopg.Error:
                pass
            self._take_again()

    def _keep(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self.look()

    def _take_again(self) -> None:
        self._connection.close()
        try:
            self._connection = connect(self._address)
            lost = not _taken(self._connection)
        except (psycopg.Error, StudioWorkerError) as error:
            log.warning("the hold on the database is lost, trying again: %s", error)
            return
        if lost and not self.lost:
            log.error("another studio serves %s now; stop one of the two", shown(self._address))
        self.lost = lost


def _taken(connection: Connection, *, wait: bool = False) -> bool:
    if wait:  # a studio that was killed may still have it for a moment
        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout = '{_WAIT_SECONDS}s'")
                connection.execute("SELECT pg_advisory_lock(%s)", (SERVING,))
        except psycopg.errors.LockNotAvailable:
            return False
        return True
    row = connection.execute("SELECT pg_try_advisory_lock(%s) AS got", (SERVING,)).fetchone()
    return row is not None and bool(row["got"])
