"""Every test in here holds for every database a studio may have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from studio_worker_core.secrets import Secret
from studio_worker_studio.settings import Settings
from studio_worker_studio.store.interface import Store
from studio_worker_studio.store.opening import open_store

T = TypeVar("T")
Open = Callable[[], Store]


DATABASES = ("sqlite", "postgres")


def place_in(request: pytest.FixtureRequest, database: str) -> Secret | None:
    """Where a new studio's memory is, if not in a file."""
    if database == "sqlite":
        return None
    made: Secret = request.getfixturevalue("make_postgres")()
    return made


@pytest.fixture(params=DATABASES)
def reopen(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens the same studio's memory, as often as a test likes."""
    opened: list[Store] = []
    place = place_in(request, request.param)

    def open_again() -> Store:
        for store in opened:
            store.close()
        limits = Settings(data=tmp_path, postgres=place, max_log_entries=50, max_log_bytes=20_000)
        opened[:] = [open_store(limits)]
        return opened[0]

    yield open_again
    for store in opened:
        store.close()


@pytest.fixture
def store(reopen: Open) -> Store:
    return reopen()


@pytest.fixture
def run() -> Iterator[Callable[[Coroutine[Any, Any, T]], T]]:
    loop = asyncio.new_event_loop()
    yield loop.run_until_complete
    loop.close()
