"""Databases as a whole: backed up, restored and moved."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from plugins.studio.tests.databases.conftest import DATABASES, FOR_EVER, Made, Run, content, named
from plugins.studio.tests.store.records import job
from plugins.studio.tests.support.commands import Finished
from plugins.studio.tests.support.studio_in_thread import MakeStudio
from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.wire.frames import LogEntry
from studio_worker_studio import databases
from studio_worker_studio.store.opening import open_store
from studio_worker_studio.store.postgres.connecting import connect


@pytest.mark.parametrize("source", DATABASES)
@pytest.mark.parametrize("target", DATABASES)
def test_a_backup_of_a_running_studio_is_restored_whole(
    make_studio: MakeStudio,
    make: Callable[..., Made],
    command: Callable[..., Finished],
    tmp_path: Path,
    source: str,
    target: str,
) -> None:
    old, new = make(source, "old", full=True), make(target, "new", full=False)
    file = tmp_path / "backup.db"
    make_studio(directory="old", postgres=old.settings.postgres, **FOR_EVER)
    written = command("backup", file, *old.arguments, "--json")
    assert written.code == 0, written.err
    assert file.stat().st_mode & 0o777 == 0o600
    before = content(old.settings)
    assert json.loads(written.out) == [
        {"table": each.table, "rows": each.rows, "sha256": each.sha256} for each in before
    ]
    restored = command("restore", file, *new.arguments)
    assert restored.code == 0, restored.err
    assert content(new.settings) == before
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("database", DATABASES)
def test_nothing_is_restored_over_a_studio_or_a_file(
    make: Callable[..., Made],
    make_studio: MakeStudio,
    command: Callable[..., Finished],
    tmp_path: Path,
    run: Run,
    database: str,
) -> None:
    made = make(database, "studio", full=True)
    file = tmp_path / "backup.db"
    assert command("backup", file, *made.arguments).code == 0
    again = command("backup", file, *made.arguments)
    assert (again.code, "already" in again.err) == (1, True)
    before = content(made.settings)
    done = command("restore", file, *made.arguments)
    if database == "postgres":
        assert done.code == 1
        assert "not empty" in done.err
    else:
        assert done.code == 0
        aside = made.settings.aside / "studio.db"
        assert str(aside) in done.err
        assert sqlite3.connect(aside).execute("SELECT count(*) FROM jobs").fetchone() == (250,)
    assert content(made.settings) == before
    studio = make_studio(directory="studio", postgres=made.settings.postgres)
    for refused in (("restore", file), ("migrate",)):
        done = command(*refused, *made.arguments)
        assert (done.code, "another studio" in done.err) == (1, True), done
    studio.stop()


def test_what_is_no_whole_backup_is_refused_and_changes_nothing(
    make: Callable[..., Made], command: Callable[..., Finished], tmp_path: Path
) -> None:
    made = make("sqlite", "studio", full=True)
    before = content(made.settings)
    whole = tmp_path / "whole.db"
    assert command("backup", whole, *made.arguments).code == 0
    damaged, foreign, noise = (tmp_path / name for name in ("torn.db", "other.db", "noise.db"))
    torn = bytearray(whole.read_bytes())
    torn[4096 * 8 : 4096 * 30] = b"\xff" * (4096 * 22)
    damaged.write_bytes(torn)
    noise.write_bytes(b"no database at all, but long enough" * 100)
    other = sqlite3.connect(foreign)
    other.execute("CREATE TABLE mine (a)")
    other.commit()
    other.close()
    for file in (damaged, foreign, noise, tmp_path / "none.db"):
        done = command("restore", file, *made.arguments)
        assert done.code == 1
        assert str(file) in done.err
        assert "Traceback" not in done.err
    assert content(made.settings) == before


@pytest.mark.parametrize(("source", "target"), [DATABASES, DATABASES[::-1], ("postgres",) * 2])
def test_a_studio_is_moved_with_every_row_and_goes_on_from_there(
    make: Callable[..., Made],
    command: Callable[..., Finished],
    run: Run,
    source: str,
    target: str,
) -> None:
    old, new = make(source, "old", full=True), make(target, "new", full=False)
    before = content(old.settings)
    done = command("move", named(old.settings), named(new.settings))
    assert done.code == 0, done.err
    assert f"jobs\t250\t{before[0].sha256}" in done.out
    assert content(new.settings) == before == content(old.settings)
    store, moved = open_store(old.settings), open_store(new.settings)
    try:
        expected = run(store.jobs.add(job("job-new"), 1.0))
        assert run(moved.jobs.add(job("job-new"), 1.0)) == expected
        for each in (store, moved):
            run(each.logs.add("w", [LogEntry("t", "info", "c", "after")], 12.0))
        logs = [
            run(each.logs.page(job_id=None, worker_id=None, after=None, limit=999))
            for each in (store, moved)
        ]
        assert logs[0] == logs[1]
    finally:
        store.close()
        moved.close()
    again = command("move", named(old.settings), named(new.settings))
    assert again.code == 1
    assert "not empty" in again.err or "already" in again.err


@pytest.mark.parametrize("database", DATABASES)
def test_a_studio_that_is_served_is_not_moved(
    make: Callable[..., Made],
    make_studio: MakeStudio,
    command: Callable[..., Finished],
    database: str,
) -> None:
    old, new = make(database, "old", full=True), make("postgres", "new", full=False)
    make_studio(directory="old", postgres=old.settings.postgres)
    done = command("move", named(old.settings), named(new.settings))
    assert (done.code, "another studio" in done.err) == (1, True), done.err
    assert {each.rows for each in content(new.settings)} == {0}


def test_a_copy_that_is_not_the_same_is_not_kept(make: Callable[..., Made]) -> None:
    old, new = make("sqlite", "old", full=True), make("postgres", "new", full=False)
    assert new.settings.postgres is not None
    with connect(new.settings.postgres) as connection:
        connection.execute(
            "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN new.message = 'other'; RETURN new; END $$"
        )
        connection.execute(
            "CREATE TRIGGER meddle BEFORE INSERT ON logs FOR EACH ROW EXECUTE FUNCTION meddle()"
        )
    with pytest.raises(StudioWorkerError, match="the copy is not the same: logs; nothing was kept"):
        databases.move(old.settings.database, new.settings.postgres)
    assert {each.rows for each in content(new.settings)} == {0}
