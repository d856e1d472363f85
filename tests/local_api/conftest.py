from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from studio_worker_core.local_api.api import Names
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.wire.models import CliDefaults, ModelSource
from studio_worker_core.wire.tasks import TaskKind
from tests.local_api.served_here import TOKEN, ServedHere
from tests.support.fixtures import site

__all__ = ["client", "here", "site"]

NAMES = Names(
    aliases={"tts-1": "espeak-ng", "whisper-1": "synthetic-stt", "gpt-image-1": "procedural"},
    voices={"nova": "en-us"},
)
SMALL = CatalogueEntry(
    "procedural",
    ModelSource("procedural", [], CliDefaults(width=64, height=48)),
    kind=TaskKind.IMAGE,
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHere]:
    with ServedHere(tmp_path_factory.mktemp("api"), NAMES, [SMALL]) as served:
        yield served


@pytest.fixture
def client(here: ServedHere) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{here.url}/v1", api_key=TOKEN, max_retries=0, timeout=120
    ) as client:
        yield client
