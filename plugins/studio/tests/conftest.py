"""Studios for tests, workers at their doors, and the operator's commands."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from plugins.studio.tests.support.commands import Finished, Good, Run
from plugins.studio.tests.support.field_worker import CAPABILITIES, FieldWorker
from plugins.studio.tests.support.studio_in_thread import Holding, MakeStudio, StudioInThread
from studio_worker_core.cli.main import main
from studio_worker_core.secrets import Secret
from studio_worker_studio.store.postgres.database import PostgresDatabase
from tests.support.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The test process's own server."""
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """The name of a database with the studio's tables, to be copied."""
    name = postgres.make()
    PostgresDatabase(Secret(postgres.address(name))).close()
    return name


@pytest.fixture
def make_postgres(postgres: PostgresServer, postgres_template: str) -> Callable[[], Secret]:
    """Makes a database with the studio's tables in it."""
    return lambda: Secret(postgres.address(postgres.make(postgres_template)))


@pytest.fixture
def make_studio(tmp_path: Path) -> Iterator[MakeStudio]:
    with ExitStack() as stack:

        def make(*, directory: str = "studio", **settings: Any) -> StudioInThread:
            studio = StudioInThread(tmp_path / directory, **settings)
            studio.start()
            stack.callback(studio.stop)
            return studio

        yield make


@pytest.fixture
def studio(make_studio: MakeStudio) -> StudioInThread:
    return make_studio()


@pytest.fixture
def holding(studio: StudioInThread) -> Iterator[Holding]:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        yield Holding(studio, worker, job_id)


@pytest.fixture
def make_field_worker() -> Callable[..., FieldWorker]:
    """Registers a worker with a studio that lets everybody in."""

    def make(base: str) -> FieldWorker:
        secret = "ab" * 32
        asked = requests.post(
            base + "/workers/register-request",
            json={
                "installId": "one",
                "registrationSecretHash": hashlib.sha256(secret.encode()).hexdigest(),
                "capabilities": CAPABILITIES,
                "userAgent": "studio-worker/0.1.0",
            },
            timeout=60,
        ).json()
        approved = requests.get(
            f"{base}/workers/register-requests/{asked['requestId']}",
            headers={"Authorization": f"Bearer {secret}"},
            timeout=60,
        ).json()
        return FieldWorker(base, approved["workerId"], approved["authToken"])

    return make


@pytest.fixture
def run(
    studio: StudioInThread, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run ``studio-worker studio …`` in this process, as its console script would."""

    def run(*arguments: str, **env: str) -> Finished:
        for name, value in {
            "STUDIO_URL": studio.url,
            "STUDIO_OPERATOR_TOKEN": studio.token,
            **env,
        }.items():
            monkeypatch.setenv(name, value)
        code = main(["studio", *arguments])
        return Finished(code, *capsys.readouterr())

    return run


@pytest.fixture
def good(run: Run) -> Good:
    def good(*arguments: str, **env: str) -> str:
        done = run(*arguments, **env)
        assert done.code == 0, done.err
        return done.out

    return good
