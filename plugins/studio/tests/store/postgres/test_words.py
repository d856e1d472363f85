"""What PostgreSQL is told, and what is told of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import studio_worker_studio
from plugins.studio.tests.store.postgres.conftest import Run, asked, opened
from plugins.studio.tests.store.records import claim_next, job, wanted
from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.secrets import Secret
from studio_worker_core.wire.frames import LogEntry
from studio_worker_studio.errors import StoreError
from studio_worker_studio.store.opening import database_address
from studio_worker_studio.store.postgres.connecting import shown
from studio_worker_studio.store.postgres.store import PostgresStore
from tests.support.ports import refusing_port
from tests.support.postgres import LOCKED, PostgresServer


def test_texts_that_postgresql_cannot_keep_cost_nobody_anything(
    store: PostgresStore, run: Run
) -> None:
    run(store.jobs.add(job("job-a"), 1.0))
    held = run(claim_next(store.jobs, wanted(), "w", 2.0))
    ended = run(store.jobs.fail("job-a", held.claims, "torn\0here", retryable=False, now=3.0))
    assert ended.error == "torn␀here"
    run(store.logs.add("w", [LogEntry("t", "info", "c", "a\0b")], 1.0))
    assert run(store.jobs.get("job\0")) is None
    assert run(store.jobs.first_for(wanted(refused=frozenset({"a\0"})))) is None


@pytest.mark.parametrize("password", ["tr0ub4dor", "s3", "p%40ss%2Fw%3Aord"])
def test_a_password_is_in_no_words_about_the_database(
    postgres: PostgresServer, password: str
) -> None:
    with refusing_port() as port:
        given = [
            postgres.address("postgres", LOCKED, password),
            f"postgresql://ada:{password}@127.0.0.1:{port}/studio",
            f"postgresql://127.0.0.1:{port}/studio?user=ada&password={password}",
            f"postgresql://ada:{password}@127.0.0.1:many/studio",
            f"postgresql://ada:/{password}@127.0.0.1/studio",
            f"postgresql://ada:{password}/more@127.0.0.1/studio",
        ]
        for text in given:
            with pytest.raises(StoreError) as refused:
                opened(Secret(text))
            assert password not in str(refused.value)


def test_an_address_is_shown_without_its_password() -> None:
    address = Secret("postgresql://ada:se%40cret@db.example:5433/studio?sslmode=require")
    assert shown(address) == "postgresql://ada@db.example:5433/studio"
    for wrong in ("mysql://ada:secret@db/studio", "sqlite:", "studio.db"):
        with pytest.raises(StudioWorkerError) as refused:
            database_address(wrong)
        assert "secret" not in str(refused.value)


def test_without_the_library_the_message_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from studio_worker_core.cli.main import main; sys.exit(main())"
    )
    done = subprocess.run(
        [*(sys.executable, "-c", program), "studio", "serve", "--data", tmp_path / "s"],
        env={"STUDIO_DATABASE": "postgresql://ada:tr0ub4dor@/studio", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "pip install 'studio-worker[postgres]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert "tr0ub4dor" not in done.stderr


def test_nothing_but_its_own_room_knows_postgresql() -> None:
    package = Path(studio_worker_studio.__file__).parent
    known = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(
            r"^\s*(import|from) (psycopg|studio_worker_studio\.store\.postgres)",
            path.read_text("utf-8"),
            re.MULTILINE,
        )
    }
    outside = {path for path in known if not path.startswith("store/postgres/")}
    assert outside == {"store/opening.py"}


def test_ids_are_sorted_by_their_code_points(
    store: PostgresStore, address: Secret, run: Run
) -> None:
    for name in ("job-é", "job-Z", "job-a", "job-_"):
        run(store.jobs.add(job(name), 1.0))
    found = run(store.jobs.page(None, None, 9, prefix="job-"))
    assert [each.job_id for each in found] == ["job-é", "job-Z", "job-a", "job-_"]
    assert run(store.jobs.page(None, None, 9, prefix="job-Z"))[0].job_id == "job-Z"
    rows = asked(address, "SELECT job_id FROM jobs ORDER BY job_id")
    assert [row["job_id"] for row in rows] == sorted(["job-é", "job-Z", "job-a", "job-_"])
