"""Databases as a whole: brought up to date, backed up, restored and moved; and a studio on each
of them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from plugins.studio.tests.store.records import (
    CHAT,
    LIMITS,
    SOURCE,
    capabilities,
    claim_next,
    job,
    let_in,
    request,
    wanted,
)
from plugins.studio.tests.support.commands import Finished
from plugins.studio.tests.support.studio_in_thread import MakeStudio
from studio_worker_core.cli.main import main
from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.secrets import Secret
from studio_worker_core.wire.frames import LogEntry
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio import databases
from studio_worker_studio.settings import Settings
from studio_worker_studio.store.interface import Store
from studio_worker_studio.store.opening import open_store
from studio_worker_studio.store.postgres.connecting import connect
from studio_worker_studio.store.records import ModelRecord, StoredFile
from studio_worker_studio.store.sqlite.schema import STEPS
from studio_worker_studio.store.transfer import Moved, digests
from tests.support.postgres import LOCKED, PostgresServer
from tests.support.waiting import eventually

DATABASES = ("sqlite", "postgres")
FOR_EVER: dict[str, Any] = {
    "keep_logs_seconds": None,
    "keep_jobs_seconds": None,
    "keep_keys_seconds": 1e12,
    "keep_pending_seconds": 1e12,
}
"""A studio that removes nothing by itself: the rows of these tests are of 1970."""
Run = Callable[[Any], Any]


def fill(store: Store, run: Run) -> None:
    """Something of everything, also what one database keeps in another way than the other."""
    jobs = store.jobs
    for number in range(250):
        run(jobs.add(job(f"job-{number}", priority=number % 3, vram_gb=number / 7), 1.5))
    done = run(claim_next(jobs, wanted(), "w", 2.0))
    made = GenerationMeta(engine="synthetic", seed=2**64 - 1)
    picture = StoredFile("png", "image/png", 2**40, "ab" * 32)
    run(
        jobs.finish_file(done.job_id, "w", done.claims, picture, "é␀", 3.0, lambda: None, meta=made)
    )
    run(claim_next(jobs, wanted(), "w", 4.0))
    run(jobs.cancel("job-7", ask=False, now=5.0))
    run(jobs.add_once(job("job-chat", CHAT), "key", "ff", 6.0))
    chat = run(claim_next(jobs, wanted(TaskKind.LLM), "w", 7.0))
    answer = b'{"text": "\\u0000 \xc3\xa9"}'
    run(jobs.finish_json(chat.job_id, "w", chat.claims, answer, "cd" * 32, None, 8.0))
    run(jobs.delete("job-7"))
    worker_id = let_in(store, run)
    run(store.workers.seen(worker_id, capabilities(), 9.0))
    run(store.registrations.ask(request("i-2"), "::1", 10.0, LIMITS))
    run(store.models.put(ModelRecord("m", "Mod\u00e8le", None, 0.0, SOURCE, enabled=False)))
    run(store.logs.add(worker_id, [LogEntry("t", "info", "c", f"{n}") for n in range(150)], 11.0))


def content(settings: Settings) -> list[Moved]:
    """Counts and digests of a studio's tables."""
    with databases._place(settings).snapshot() as c:
        return digests(c)


class Made(NamedTuple):
    settings: Settings
    arguments: tuple[str, ...]
    """What names it to a command."""


@pytest.fixture
def run() -> Iterator[Run]:
    loop = asyncio.new_event_loop()
    yield loop.run_until_complete
    loop.close()


@pytest.fixture
def make(request: pytest.FixtureRequest, tmp_path: Path, run: Run) -> Callable[..., Made]:
    """Makes a studio that nobody serves: a full one, or one with empty tables."""

    def make(database: str, name: str, *, full: bool) -> Made:
        data = tmp_path / name
        data.mkdir()
        place: Secret | None = None
        arguments: tuple[str, ...] = ("--data", str(data))
        if database == "postgres":
            place = request.getfixturevalue("make_postgres")()
            arguments += ("--database", place.reveal())
        settings = Settings(data=data, postgres=place)
        if full:
            store = open_store(settings)
            fill(store, run)
            store.close()
        return Made(settings, arguments)

    return make


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Finished]:
    def command(*arguments: str | Path) -> Finished:
        code = main(["studio", *map(str, arguments)])
        return Finished(code, *capsys.readouterr())

    return command


def named(settings: Settings) -> str:
    """As ``move`` names it."""
    if settings.postgres is not None:
        return settings.postgres.reveal()
    return f"sqlite:{settings.database}"


@pytest.mark.parametrize("database", DATABASES)
def test_a_job_runs_its_course_and_everything_is_there_after_a_restart(
    make_studio: MakeStudio, make: Callable[..., Made], database: str
) -> None:
    place = make(database, "own", full=False).settings.postgres
    studio = make_studio(postgres=place)
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        assert worker.complete(job_id, b"picture").status_code == 204
        waits = studio.submit()
        worker.take_offer()
        studio.call("POST", f"/jobs/{waits}/cancel")
        worker.expect("cancel")
        worker.send("fail", jobId=waits, error="cancelled", retryable=False, code="cancelled")
        worker.expect("failAck")
    studio.wait_state(waits, "cancelled")
    studio.restart()
    assert studio.raw("GET", f"/jobs/{job_id}/result").content == b"picture"
    assert studio.job(job_id)["state"] == "done"
    assert (studio.settings.data / "studio.db").exists() == (database == "sqlite")


def test_a_job_outlives_a_database_that_is_away_for_a_while(
    make_studio: MakeStudio, make: Callable[..., Made], postgres: PostgresServer
) -> None:
    studio = make_studio(postgres=make("postgres", "own", full=False).settings.postgres)
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        other = studio.submit()  # on the disk, and with it the claim before it
        postgres.end()
        try:
            answer = studio.raw("GET", "/jobs")
            assert (answer.status_code, answer.json()["error"]) == (503, "storage_failed")
            assert worker.complete(job_id, b"picture").status_code == 503
        finally:
            postgres.start()
        eventually("the list", lambda: studio.raw("GET", "/jobs").ok)
        assert studio.job(job_id)["state"] == "claimed"
        assert worker.complete(job_id, b"picture").status_code == 204
        assert worker.take_offer() == other
    assert studio.raw("GET", f"/jobs/{job_id}/result").content == b"picture"


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


def test_a_server_that_cannot_use_its_database_says_so_without_the_password(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    program = "import sys; from studio_worker_core.cli.main import main; sys.exit(main())"
    done = subprocess.run(
        [*(sys.executable, "-c", program, "studio", "serve", "--port", "0", "-v")],
        env={
            "HOME": str(tmp_path),
            "STUDIO_DATA": str(tmp_path / "data"),
            "STUDIO_DATABASE": postgres.address("postgres", LOCKED, "s3cret"),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "postgresql://locked@" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


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
