"""What does not grow: counted in statements, steps of the database and rows of a plan."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from plugins.studio.tests.store.records import claim_next
from plugins.studio.tests.support.studio_in_thread import StudioInThread
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask, TaskKind
from studio_worker_studio.dispatch import Lane, Wanted, WorkerView
from studio_worker_studio.shapes import Shape
from studio_worker_studio.store.records import NewJob
from studio_worker_studio.store.sql.jobs import SqlJobs
from studio_worker_studio.store.sqlite import waiting
from studio_worker_studio.store.sqlite.database import SqliteDatabase, SqliteTransaction
from studio_worker_studio.store.sqlite.store import SqliteStore
from studio_worker_studio.store.sqlite.waiting import (
    FIRST_QUERY,
    LANES_QUERY,
    first_for,
    waiting_lanes,
)

MINE = Wanted(frozenset({Lane(TaskKind.IMAGE, "mine", Shape.EXISTING)}), vram_gb=8.0)
PICTURE = ImageTask(prompt="p")

T = TypeVar("T")


class Queue:
    def __init__(self, path: Path) -> None:
        self.database = SqliteDatabase(path)
        self.store = SqlJobs(self.database, waiting)

    def add(self, jobs: list[NewJob]) -> None:
        async def all_of_them() -> None:
            for job in jobs:
                await self.store.add(job, 0.0)

        asyncio.run(all_of_them())

    def steps(self, search: Callable[[SqliteTransaction], T]) -> tuple[T, int]:
        """What a search finds, and how many instructions of the database it took."""
        count = 0

        def step() -> int:
            nonlocal count
            count += 1
            return 0

        def work(c: SqliteTransaction) -> T:
            c.set_progress_handler(step, 1)
            try:
                return search(c)
            finally:
                c.set_progress_handler(None, 1)

        return asyncio.run(self.database.read(work)), count


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    queue = Queue(tmp_path / "studio.db")
    yield queue
    queue.database.close()


def job(number: int, *, model: str = "m", engine: str = "mine", vram_gb: float = 1.0) -> NewJob:
    return NewJob(f"job-{number}", model, PICTURE, ModelSource(engine=engine), vram_gb=vram_gb)


PASSED_BY = {
    "jobs of other engines": lambda n: job(n, engine="other"),
    "jobs that need more memory": lambda n: job(n, vram_gb=16.0),
    "models": lambda n: job(n, model=f"model-{n}"),
    "models of other engines": lambda n: job(n, model=f"model-{n}", engine="other"),
}


@pytest.mark.parametrize("what", PASSED_BY)
def test_a_claim_takes_as_many_steps_with_ten_as_with_a_thousand(queue: Queue, what: str) -> None:
    queue.add([PASSED_BY[what](number) for number in range(10)])
    last = job(5000)
    queue.add([last])
    _, few = queue.steps(lambda c: first_for(MINE, c))
    queue.add([PASSED_BY[what](number) for number in range(10, 1000)])
    found, many = queue.steps(lambda c: first_for(MINE, c))
    assert found is not None
    assert many <= few * 1.5


def test_the_lanes_that_wait_are_found_without_reading_the_queue(queue: Queue) -> None:
    queue.add([job(number) for number in range(10)])
    found, few = queue.steps(waiting_lanes)
    assert found == {Lane(TaskKind.IMAGE, "mine", Shape.EXISTING): 1.0}
    queue.add([job(number, model=f"model-{number}") for number in range(10, 1000)])
    _, many = queue.steps(waiting_lanes)
    assert many <= few * 1.5


def test_a_queue_of_a_thousand_models_that_nobody_here_serves_is_passed(queue: Queue) -> None:
    queue.add([job(n, model=f"model-{n}", engine=f"engine-{n}") for n in range(1500)])
    queue.add([job(5000)])
    found = asyncio.run(claim_next(queue.store, MINE, "worker", 0.0))
    assert found is not None
    assert found.job_id == "job-5000"


@pytest.mark.parametrize("query", [FIRST_QUERY, LANES_QUERY], ids=["first", "lanes"])
def test_the_searches_of_the_queue_seek_in_an_index(queue: Queue, query: str) -> None:
    values = ("[]", 1.0, "[]") if "?1" in query else ()

    def plan(c: SqliteTransaction) -> list[str]:
        return [row["detail"] for row in c.execute("EXPLAIN QUERY PLAN " + query, values)]

    details = asyncio.run(queue.database.read(plan))
    reads = [detail for detail in details if re.match(r"(SCAN|SEARCH) (j|jobs|here)\b", detail)]
    assert reads
    assert all("INDEX jobs_waiting" in d or "PRIMARY KEY" in d for d in reads), details


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM jobs WHERE state = 'queued' AND id > 7 ORDER BY id LIMIT 5",
        "SELECT * FROM jobs WHERE state = 'claimed' ORDER BY id",
        "SELECT * FROM jobs WHERE worker_id = 'w' AND state = 'claimed' ORDER BY id",
        "SELECT * FROM logs WHERE id > 7 AND job_id = 'j' ORDER BY id LIMIT 5",
        "SELECT * FROM logs WHERE id > 7 AND worker_id = 'w' ORDER BY id LIMIT 5",
        "SELECT * FROM registrations WHERE state = 'pending' AND created_at < 5",
        "SELECT count(*) FROM registrations WHERE state = 'pending' AND source_address = 'a'",
    ],
)
def test_filtered_lists_use_an_index(queue: Queue, query: str) -> None:
    def plan(c: SqliteTransaction) -> list[str]:
        return [row["detail"] for row in c.execute("EXPLAIN QUERY PLAN " + query)]

    details = asyncio.run(queue.database.read(plan))
    assert all("USING" in detail and "INDEX" in detail for detail in details if "SCAN" in detail)
    assert any("SEARCH" in detail and "INDEX" in detail for detail in details), details


class Counted:
    """Notes the statements a studio's database runs."""

    def __init__(self, studio: StudioInThread) -> None:
        self.statements: list[str] = []
        store = studio.studio.store
        assert isinstance(store, SqliteStore)
        for connection in (store.database._reader, store.database._writer):
            connection.set_trace_callback(self.statements.append)


@pytest.mark.parametrize("waiting", [0, 50], ids=["an empty queue", "work for others"])
def test_an_idle_heartbeat_costs_the_same_beside_one_worker_as_beside_thirty(
    studio: StudioInThread, waiting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(waiting):
        source = {"engine": f"engine-{number}", "files": []}
        studio.submit(model=f"model-{number}", modelSource=source)
    workers = [studio.new_worker_unlimited() for _ in range(30)]

    def cost() -> tuple[int, int]:
        views = 0
        sessions = list(studio.studio.fleet.sessions.values())
        for session in sessions:
            view = session.view

            def counting(view: Callable[[], WorkerView] = view) -> WorkerView:
                nonlocal views
                views += 1
                return view()

            monkeypatch.setattr(session, "view", counting)
        studio.call("GET", "/jobs?limit=1")  # what was asked before is answered
        counted = Counted(studio)
        for _ in range(5):
            workers[0].heartbeat()
        studio.call("GET", "/jobs?limit=1")
        searches = [text for text in counted.statements if "json_each" in text]
        return len(searches), views

    with workers[0].session():
        workers[0].heartbeat()
        alone = cost()
        sessions = [worker.session() for worker in workers[1:]]
        for session in sessions:
            session.__enter__()
        try:
            for worker in workers[1:]:
                worker.heartbeat()
            assert cost() == alone
        finally:
            for session in sessions:
                session.__exit__(None, None, None)
