from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from studio_worker_core.config import ConfigStore
from studio_worker_core.registration.registrar import Registrar
from studio_worker_core.retrying import Backoff
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.wire.capabilities import Capabilities
from tests.registration.lines import Line, Make
from tests.registration.model_studio import ModelStudio
from tests.support.recording_handler import sample_capabilities


@pytest.fixture(scope="session")
def capabilities() -> Capabilities:
    return sample_capabilities()


@pytest.fixture
def store(tmp_path: Path) -> ConfigStore:
    store = ConfigStore(tmp_path / "worker" / "config.toml")
    store.update(api_base_url=ModelStudio.base_url)
    return store


@pytest.fixture
def studio() -> Line:
    return Line()


@pytest.fixture
def make(store: ConfigStore, studio: Line, capabilities: Capabilities) -> Make:
    def registrar(client: object = studio) -> Registrar:
        backoff = Backoff(2.0, 30.0)
        return Registrar(store, cast("StudioClient", client), lambda: capabilities, backoff=backoff)

    return registrar
