"""A studio on each of the databases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from plugins.studio.tests.databases.conftest import DATABASES, Made
from plugins.studio.tests.support.studio_in_thread import MakeStudio
from tests.support.postgres import LOCKED, PostgresServer
from tests.support.waiting import eventually


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
