"""Tiny models made at test time, and a lane to chat with them in."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from plugins.llm.tests.models.chat_bench import ChatBench
from plugins.llm.tests.tiny_gguf import write_model
from studio_worker_core.plugin import CliDefaults, Model


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ``chain.gguf``, ``endless.gguf`` and ``random.gguf``."""
    if find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed")
    directory = tmp_path_factory.mktemp("gguf")
    write_model(directory / "chain.gguf")
    write_model(directory / "endless.gguf", "endless", context=100_000)
    write_model(directory / "random.gguf", "random", context=4096)
    return directory


@pytest.fixture(scope="session")
def chain(models: Path) -> Model:
    return Model("chain", {"model": [models / "chain.gguf"]})


@pytest.fixture(scope="session")
def endless(models: Path) -> Model:
    """Never ends by itself."""
    defaults = CliDefaults(context_size=100_000)
    return Model("endless", {"model": [models / "endless.gguf"]}, defaults)


@pytest.fixture(scope="session")
def noise(models: Path) -> Model:
    return Model("noise", {"model": [models / "random.gguf"]})


@pytest.fixture(scope="module")
def warm_bench(
    models: Path,  # skips where the library is not installed
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ChatBench]:
    with pytest.MonkeyPatch.context() as patch:
        # One thread: it does not fight the rest of the machine.
        patch.setenv("STUDIO_WORKER_LLAMA_THREADS", "1")
        made = ChatBench(tmp_path_factory.mktemp("lanes"))
        yield made
        made.lanes.close()


@pytest.fixture
def bench(warm_bench: ChatBench) -> ChatBench:
    warm_bench.forget()
    return warm_bench
