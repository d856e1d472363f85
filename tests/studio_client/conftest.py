"""Studios of the loopback kind, closed when the test is over."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.registration import RegisterRequest
from tests.studio_client.servers import HttpServer, RawServer, StartRaw


@pytest.fixture
def http_server() -> Iterator[HttpServer]:
    server = HttpServer()
    yield server
    server.close()


@pytest.fixture
def raw_server() -> Iterator[StartRaw]:
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


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.png"
    path.write_bytes(b"\x89PNG\r\n--\r\n" + bytes(range(256)) * 300)
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.mp4"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    return path


@pytest.fixture
def request_body(capabilities: Capabilities) -> RegisterRequest:
    return RegisterRequest(
        install_id="i-1",
        registration_secret_hash="ab" * 32,
        capabilities=capabilities,
        user_agent="studio-worker/x",
    )
