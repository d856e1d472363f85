"""A peer that spreads its bytes thinly cannot hold a call for ever."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

import pytest

from studio_worker_core.errors import TransportError
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.studio_client.upload import ResultUpload
from tests.studio_client.servers import StartRaw


@pytest.mark.parametrize("piece", [b"H", b"X-More: 1\r\n"])
def test_an_answer_whose_head_trickles_is_given_up(
    raw_server: StartRaw, tmp_path: Path, piece: bytes
) -> None:
    path = tmp_path / "result.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    over = threading.Event()

    def trickle(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Start: ")
            while not over.wait(0.2):
                connection.sendall(piece)

    server = raw_server(trickle)
    client = StudioClient(server.url, timeout=1.0)
    upload = ResultUpload(path, "png", "image/png", "p", "job-1.png")
    try:
        with pytest.raises(TransportError):
            client.complete("w-1", Secret("token"), "job-1", upload)
    finally:
        over.set()
        client.close()


def test_an_upload_that_is_taken_at_a_crawl_is_given_up(
    raw_server: StartRaw, tmp_path: Path
) -> None:
    path = tmp_path / "result.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n".ljust(8 << 20, b"\0"))
    over = threading.Event()
    taken = 0

    def crawl(connection: socket.socket) -> None:
        nonlocal taken
        with contextlib.suppress(OSError):
            while not over.wait(0.05) and (piece := connection.recv(16 * 1024)):
                taken += len(piece)

    server = raw_server(crawl)
    # Each block leaves well within the time-out; only the whole is too slow.
    client = StudioClient(server.url, timeout=6.0, slowest=1e9)
    upload = ResultUpload(path, "png", "image/png", "p", "job-1.png")
    try:
        with pytest.raises(TransportError, match="takes or answers too slowly"):
            client.complete("w-1", Secret("token"), "job-1", upload)
    finally:
        over.set()
        client.close()
    assert 0 < taken < 8 << 20
