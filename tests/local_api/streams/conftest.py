"""An engine that does as it is told step by step, and the pieces that it is heard in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from studio_worker_core.local_api.api import Names
from studio_worker_core.roster.roster import Roster
from tests.local_api.served_here import ServedHere
from tests.support.emitting_engine import emitting_entry


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHere]:
    root = tmp_path_factory.mktemp("api")
    with ServedHere(root, Names(), roster=Roster([emitting_entry()])) as served:
        yield served


def chat(*steps: list[Any]) -> dict[str, Any]:
    return {"model": "emitting-llm", "messages": [{"role": "user", "content": json.dumps(steps)}]}


def texts(chunks: Any, name: str = "content") -> Iterator[str]:
    for chunk in chunks:
        if chunk.choices and (text := getattr(chunk.choices[0].delta, name, None)):
            yield text
