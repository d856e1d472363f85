"""Studios of the loopback kind, closed when the test is over."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from studio_worker_core.wire.capabilities import Capabilities
from tests.studio_client.servers import HttpServer, RawServer


@pytest.fixture
def http_server() -> Iterator[HttpServer]:
    server = HttpServer()
    yield server
    server.close()


@pytest.fixture
def raw_server() -> Iterator[Callable[[Callable[[socket.socket], None]], RawServer]]:
    servers: list[RawServer] = []

    def start(behave: Callable[[socket.socket], None]) -> RawServer:
        servers.append(RawServer(behave))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def capabilities() -> Capabilities:
    return Capabilities(
        machine_name="box",
        username="ada",
        agent_version="0.1.0",
        engine="multi",
        vram_total_gb=0.0,
        vram_threshold_gb=8.0,
        auto_enabled=True,
        auto_start=False,
        supported_models=["synthetic"],
        task_kinds=[],
        supported_models_per_kind={},
    )
