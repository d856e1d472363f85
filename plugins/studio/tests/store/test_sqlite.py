"""What is SQLite's own."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from pathlib import Path

import pytest

import studio_worker_studio
from studio_worker_studio.errors import StoreError
from studio_worker_studio.settings import Settings
from studio_worker_studio.store.opening import open_store
from studio_worker_studio.store.sqlite.database import SqliteDatabase, SqliteTransaction


def test_a_database_that_fails_is_told_in_the_stores_own_words(tmp_path: Path) -> None:
    store = open_store(Settings(data=tmp_path))
    try:
        other = sqlite3.connect(tmp_path / "studio.db", isolation_level=None)
        other.execute("DROP TABLE jobs")
        other.close()
        with pytest.raises(StoreError, match="no such table: jobs"):
            asyncio.run(store.jobs.get("job-a"))
        with pytest.raises(StoreError, match="no such table: jobs"):
            asyncio.run(store.jobs.cancel("job-a", ask=False, now=1.0))
    finally:
        store.close()


def test_what_is_no_database_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "studio.db").write_bytes(b"no database at all, but long enough" * 100)
    with pytest.raises(StoreError, match=r"studio\.db"):
        open_store(Settings(data=tmp_path))


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "studio.db")
    try:
        with pytest.raises(StoreError, match="readonly"):
            asyncio.run(database.read(lambda c: c.execute("DELETE FROM jobs")))
    finally:
        database.close()


def test_work_that_raises_leaves_nothing_behind(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "studio.db")

    def work(connection: SqliteTransaction) -> None:
        connection.execute("INSERT INTO marks VALUES ('half')")
        raise RuntimeError("half way")

    try:
        with pytest.raises(RuntimeError, match="half way"):
            asyncio.run(database.write(work))
        rows = asyncio.run(database.read(lambda c: c.execute("SELECT * FROM marks").fetchall()))
        assert rows == []
    finally:
        database.close()


def test_nothing_but_its_own_room_knows_sqlite() -> None:
    package = Path(studio_worker_studio.__file__).parent
    known = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(
            r"^\s*(import|from) (sqlite3|studio_worker_studio\.store\.sqlite)",
            path.read_text("utf-8"),
            re.MULTILINE,
        )
    }
    outside = {path for path in known if not path.startswith("store/sqlite/")}
    assert outside == {"store/opening.py"}
