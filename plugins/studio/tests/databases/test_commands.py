"""Databases brought up to date, and what the commands say."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from plugins.studio.tests.databases.conftest import DATABASES, Made, content
from plugins.studio.tests.support.commands import Finished
from studio_worker_studio.settings import Settings
from studio_worker_studio.store.opening import open_store
from studio_worker_studio.store.postgres.connecting import connect
from studio_worker_studio.store.sqlite.schema import STEPS
from tests.support.postgres import LOCKED, PostgresServer


@pytest.mark.parametrize("version", range(1, len(STEPS)))
def test_every_older_version_is_migrated_with_its_rows(
    make: Callable[..., Made], command: Callable[..., Finished], tmp_path: Path, version: int
) -> None:
    made = make("sqlite", "studio", full=False)
    old = sqlite3.connect(made.settings.database)
    for number, step in enumerate(STEPS[:version], start=1):
        old.executescript(f"{step} PRAGMA user_version = {number};")
    old.execute(
        "INSERT INTO jobs (job_id, state, kind, priority, model, engine, vram_gb, task, source,"
        " max_attempts, created_at) VALUES ('job-a', 'queued', 'image', 0, 'm', 'synthetic', 1.0,"
        " x'7b7d', x'7b7d', 3, 1.0)"
    )
    old.execute(
        "INSERT INTO logs (worker_id, ts, level, category, message) VALUES ('w', 't', 'info',"
        " 'c', 'still here')"
    )
    old.commit()
    old.close()
    looked = command("migrate", "--check", *made.arguments)
    assert (looked.code, looked.out) == (1, f"version {version}, this program's is {len(STEPS)}\n")
    assert command("backup", tmp_path / "old.db", *made.arguments).code == 0
    done = command("migrate", *made.arguments)
    assert (done.code, done.out) == (0, f"version {version} -> {len(STEPS)}\n"), done.err
    assert command("migrate", "--check", *made.arguments).code == 0
    assert command("migrate", *made.arguments).out == f"version {len(STEPS)}\n"
    rows = {each.table: each.rows for each in content(made.settings)}
    assert (rows["jobs"], rows["logs"]) == (1, 1)
    other = make("sqlite", "other", full=False)
    assert command("restore", tmp_path / "old.db", *other.arguments).code == 0
    rows = {each.table: each.rows for each in content(other.settings)}
    assert (rows["jobs"], rows["logs"]) == (1, 1)


def test_tables_that_somebody_has_changed_are_named(
    make: Callable[..., Made], command: Callable[..., Finished]
) -> None:
    for database in DATABASES:
        made = make(database, database, full=True)
        if made.settings.postgres is None:
            other = sqlite3.connect(made.settings.database)
            other.execute("ALTER TABLE jobs RENAME COLUMN prompt TO words")
            other.commit()
            other.close()
        else:
            with connect(made.settings.postgres) as connection:
                connection.execute("ALTER TABLE jobs RENAME COLUMN prompt TO words")
        done = command("migrate", *made.arguments)
        assert done.code == 1
        assert "jobs is not as it should be (prompt, words)" in done.err


def test_an_empty_postgresql_database_gets_its_tables(
    postgres: PostgresServer, command: Callable[..., Finished]
) -> None:
    address = ("--database", postgres.address(postgres.make()))
    assert command("migrate", "--check", *address).code == 1
    assert command("migrate", *address).out.startswith("version 0 -> ")
    assert command("migrate", "--check", *address).code == 0


@pytest.mark.parametrize("place", ["option", "variable"])
@pytest.mark.parametrize("name", ["check", "migrate", "backup", "restore"])
def test_a_password_is_in_no_output_of_a_command(
    postgres: PostgresServer,
    command: Callable[..., Finished],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    place: str,
    name: str,
) -> None:
    address = postgres.address("postgres", LOCKED, "s3cret")
    whole = tmp_path / "whole.db"
    open_store(Settings(data=tmp_path)).close()
    (tmp_path / "studio.db").rename(whole)
    files = {"backup": (tmp_path / "x.db",), "restore": (whole,)}.get(name, ())
    options = ("--database", address) if place == "option" else ()
    monkeypatch.setenv("STUDIO_DATABASE", address if place == "variable" else "")
    done = command(name, *files, "--data", tmp_path, *options)
    assert done.code == 1
    assert "authentication failed" in done.err or "does not exist" in done.err, done.err
    assert "s3cret" not in done.out + done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("serve", "--database", "mysql://x"), "sqlite:PATH or postgresql://"),
        (("serve", "--database", "sqlite:x.db"), "give --data"),
        (("move", "x.db", "y.db"), "sqlite:PATH or postgresql://"),
        (("move", "sqlite:/none/x.db", "sqlite:/none/y.db"), "there is no database /none/x.db"),
        (("backup", "/none/x.db", "--data", "/none"), "holds no studio"),
        (("migrate", "--data", "/none"), "holds no studio"),
        (("move", "sqlite:{here}/x.db", "sqlite:/none/y.db"), "there is no directory /none"),
        (("restore", "/none/x.db"), "there is no database /none/x.db"),
    ],
)
def test_a_slip_is_told_in_one_line(
    command: Callable[..., Finished],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path / "data"))
    sqlite3.connect(tmp_path / "x.db").close()
    (tmp_path / "x.db").touch()
    done = command(*(each.format(here=tmp_path) for each in arguments))
    assert done.code == 1
    assert said in done.err
    assert len(done.err.strip().splitlines()) == 1
