"""Studios that nobody serves, and the commands that work on them."""

from __future__ import annotations

import asyncio
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
from studio_worker_core.cli.main import main
from studio_worker_core.secrets import Secret
from studio_worker_core.wire.frames import LogEntry
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio import databases
from studio_worker_studio.settings import Settings
from studio_worker_studio.store.interface import Store
from studio_worker_studio.store.opening import open_store
from studio_worker_studio.store.records import ModelRecord, StoredFile
from studio_worker_studio.store.transfer import Moved, digests

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
