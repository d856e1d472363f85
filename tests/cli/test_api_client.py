"""Commands that ask the worker that runs, where something else answers or nothing does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from studio_worker_core.cli.api_client import LocalApiRefused, RunningApi
from studio_worker_core.config import ConfigStore
from studio_worker_core.errors import NotRunning, TransportError
from studio_worker_core.host.lock import InstanceLock
from studio_worker_core.local_api.discovery import NAME, announce
from studio_worker_core.secrets import Secret
from tests.support.ports import refusing_port

TOKEN = Secret("token-of-a-test")


class _Page(BaseHTTPRequestHandler):
    """Another program that has the port by now."""

    def do_GET(self) -> None:
        data = b"<html>hello</html>"
        self.send_response(404 if "gone" in self.path else 200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def other() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(60)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ConfigStore]:
    """Of a worker that runs, which is this process."""
    store = ConfigStore(tmp_path / "config.toml")
    with InstanceLock(store.lock_path):
        yield store


def test_another_programs_answer_is_told_as_such(store: ConfigStore, other: str) -> None:
    announce(store.directory, other, TOKEN)
    with pytest.raises(TransportError, match="is no studio-worker"):
        RunningApi(store).ask("GET", "models")
    with pytest.raises(LocalApiRefused, match="hello"):
        RunningApi(store).ask("GET", "gone")


def test_nobody_there_is_one_clear_error(store: ConfigStore) -> None:
    with refusing_port() as port:
        announce(store.directory, f"http://127.0.0.1:{port}", TOKEN)
        with pytest.raises(TransportError, match="ConnectionError at http"):
            RunningApi(store).ask("GET", "models")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there is no FIFO here")
def test_a_file_that_nobody_writes_to_is_not_waited_for(store: ConfigStore) -> None:
    os.mkfifo(store.directory / NAME)
    with pytest.raises(NotRunning, match="has no local API"):
        RunningApi(store)
