"""The journal's file: opened for its one writer, made, checked, set aside where it is damaged."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from studio_worker_core.storage.aside import set_aside
from studio_worker_core.storage.disk import Disk

_log = logging.getLogger("studio_worker.journal")

SCHEMA_VERSION = 1
BUSY_SECONDS = 5.0
"""How long a write waits for who else holds the file."""

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SUFFIXES = ("-wal", "-shm", "")
_SCHEMA = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    status TEXT NOT NULL,
    model TEXT NOT NULL,
    prompt TEXT NOT NULL,
    run TEXT NOT NULL,
    facts BLOB NOT NULL,
    recipe BLOB
);
CREATE INDEX jobs_id ON jobs (id, number);
CREATE INDEX jobs_state ON jobs (source, status, number);
CREATE TABLE lines (
    job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    n INTEGER NOT NULL,
    ts REAL NOT NULL,
    level TEXT NOT NULL,
    target TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (job, n)
) WITHOUT ROWID;
CREATE TABLE thumbnails (
    job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
    png BLOB NOT NULL
);
"""


def open_database(path: Path, disk: Disk) -> sqlite3.Connection:
    """The journal for its writer; made where it is missing. One that is damaged, or that a newer
    version wrote, is set aside, and a new one is begun.

    Raises:
        OSError, sqlite3.Error: it cannot be opened or made now.
    """
    disk.make_directory(path.parent)
    try:
        return _opened(path)
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        put_aside(path, str(error))
    except _Newer as error:
        put_aside(path, str(error), word="newer")
    return _opened(path)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is no good, whatever the disk is."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) in _DAMAGED


def put_aside(path: Path, reason: str, *, word: str = "corrupt") -> None:
    """Move the journal out of the way, with what lies beside it. Raises OSError."""
    where = path
    for suffix in _SUFFIXES:
        with contextlib.suppress(FileNotFoundError):
            where = set_aside(path.with_name(path.name + suffix), word=word)
    _log.warning(
        "the job journal cannot be used (%s): it is set aside as %s, and a new one is begun",
        *(reason, where),
    )


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the block's changes or none. Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def used_bytes(connection: sqlite3.Connection) -> int:
    """What of the file is in use."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


class _Newer(Exception):
    """The file has a schema of a later version."""


def _opened(path: Path) -> sqlite3.Connection:
    # Made here and not by SQLite, so that nobody else can read it for a moment either; what
    # SQLite puts beside it gets the same mode.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a plain file")
    finally:
        os.close(descriptor)
    wal = path.with_name(f"{path.name}-wal")
    was_killed = wal.exists() and wal.stat().st_size > 0
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(connection, check=was_killed)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, *, check: bool) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table
    connection.execute("PRAGMA journal_mode = WAL")
    # A kill loses nothing; a power cut may lose the last moments, and leaves the file whole.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA journal_size_limit = 4194304")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise _Newer(f"a newer studio-worker wrote it, in version {version}")
    if check:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            error = sqlite3.DatabaseError(found)
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error
    if version == 0:
        with transaction(connection):
            for statement in _SCHEMA.split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
