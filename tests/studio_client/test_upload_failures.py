"""An upload that fails is told by its error, at once and whatever the studio does."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

import pytest

from studio_worker_core.errors import HttpStatusError, OutboxError, TransportError
from studio_worker_core.studio_client.http import StudioClient
from tests.studio_client.servers import HttpServer, StartRaw, read_body, read_head, reset
from tests.studio_client.uploads import TOKEN, complete, upload_of


@pytest.mark.parametrize("received", [0, 1000, 3_000_000])
def test_a_reset_in_mid_upload_is_transient(
    raw_server: StartRaw, large: Path, received: int
) -> None:
    def behave(connection: socket.socket) -> None:
        _, rest = read_head(connection)
        got = len(rest)
        while got < received:
            got += len(connection.recv(65536))
        reset(connection)

    with pytest.raises(TransportError) as caught:
        complete(raw_server(behave).url, upload_of(large))
    assert caught.value.is_transient


def test_an_early_refusal_of_a_large_file_is_seen_before_the_end(
    raw_server: StartRaw, large: Path
) -> None:
    taken: list[int] = []
    ended = threading.Event()

    def behave(connection: socket.socket) -> None:
        _, rest = read_head(connection)
        connection.sendall(b"HTTP/1.1 409 Conflict\r\nContent-Length: 4\r\n\r\ngone")
        got = len(rest)
        with contextlib.suppress(ConnectionError):
            while chunk := connection.recv(65536):
                got += len(chunk)
        taken.append(got)
        ended.set()

    server = raw_server(behave)
    with pytest.raises(HttpStatusError) as caught:
        complete(server.url, upload_of(large))
    assert (caught.value.status, caught.value.body) == (409, "gone")
    assert ended.wait(60)
    assert taken[0] < large.stat().st_size


def test_nothing_follows_a_half_sent_upload_on_its_connection(
    raw_server: StartRaw, large: Path, small: Path
) -> None:
    requests: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        head, rest = read_head(connection)
        requests.append(head.split(b"\r\n")[0])
        if len(requests) == 1:
            connection.sendall(b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n")
            while connection.recv(65536):
                pass
        else:
            read_body(connection, head, rest)
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    client = StudioClient(raw_server(behave).url)
    with pytest.raises(HttpStatusError):
        client.complete("w-1", TOKEN, "j-1", upload_of(large))
    client.complete("w-1", TOKEN, "j-2", upload_of(small))
    assert [line.split(b"/")[6] for line in requests] == [b"j-1", b"j-2"]


def test_a_studio_that_closes_its_side_without_an_answer_is_transient(
    raw_server: StartRaw, large: Path
) -> None:
    over = threading.Event()

    def behave(connection: socket.socket) -> None:
        read_head(connection)
        connection.shutdown(socket.SHUT_WR)
        over.wait(60)

    try:
        with pytest.raises(TransportError):
            complete(raw_server(behave).url, upload_of(large))
    finally:
        over.set()


def test_a_late_acknowledgement_is_waited_for(raw_server: StartRaw, small: Path) -> None:
    received, acknowledge = threading.Event(), threading.Event()

    def behave(connection: socket.socket) -> None:
        read_body(connection, *read_head(connection))
        received.set()
        assert acknowledge.wait(60)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    server = raw_server(behave)
    thread = threading.Thread(target=complete, args=(server.url, upload_of(small)))
    thread.start()
    assert received.wait(60)
    assert thread.is_alive()
    acknowledge.set()
    thread.join(timeout=60)
    assert not thread.is_alive()


def test_no_acknowledgement_at_all_is_a_transport_error(raw_server: StartRaw, small: Path) -> None:
    over = threading.Event()

    def behave(connection: socket.socket) -> None:
        read_body(connection, *read_head(connection))
        over.wait(60)

    try:
        with pytest.raises(TransportError, match="timed out"):
            complete(raw_server(behave).url, upload_of(small), timeout=0.3)
    finally:
        over.set()


def test_a_studio_that_stops_reading_is_given_up(raw_server: StartRaw, large: Path) -> None:
    over = threading.Event()

    def behave(connection: socket.socket) -> None:
        read_head(connection)
        over.wait(60)

    try:
        with pytest.raises(TransportError, match="timed out"):
            complete(raw_server(behave).url, upload_of(large), timeout=0.3)
    finally:
        over.set()


def test_close_ends_an_upload_that_waits_for_its_acknowledgement(
    raw_server: StartRaw, small: Path
) -> None:
    received, over = threading.Event(), threading.Event()

    def behave(connection: socket.socket) -> None:
        read_body(connection, *read_head(connection))
        received.set()
        over.wait(600)

    client = StudioClient(raw_server(behave).url, timeout=600.0)
    caught: list[TransportError] = []

    def send() -> None:
        try:
            client.complete("w-1", TOKEN, "j-1", upload_of(small))
        except TransportError as error:
            caught.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    assert received.wait(60)
    client.close()
    thread.join(timeout=60)
    at_once = not thread.is_alive()
    over.set()
    assert at_once
    assert "shutting down" in caught[0].reason


def test_abort_ends_the_upload_at_the_next_chunk(raw_server: StartRaw, large: Path) -> None:
    taken: list[int] = []
    ended = threading.Event()
    asked = 0

    def behave(connection: socket.socket) -> None:
        head, rest = read_head(connection)
        taken.append(len(read_body(connection, head, rest)))
        ended.set()

    def abort() -> bool:
        nonlocal asked
        asked += 1
        return asked > 20

    server = raw_server(behave)
    with pytest.raises(TransportError, match="stopped"):
        complete(server.url, upload_of(large, abort=abort))
    assert ended.wait(60)
    assert asked == 21
    assert taken[0] < large.stat().st_size


def test_a_file_that_is_gone_or_shrinks_is_an_outbox_error(
    http_server: HttpServer, large: Path, tmp_path: Path
) -> None:
    with pytest.raises(OutboxError, match="cannot read the result") as caught:
        complete(http_server.url, upload_of(tmp_path / "gone.png"))
    assert caught.value.path == tmp_path / "gone.png"

    def shrink() -> bool:
        with large.open("r+b") as file:
            file.truncate(10)
        return False

    with pytest.raises(OutboxError, match="became shorter"):
        complete(http_server.url, upload_of(large, abort=shrink))
    assert http_server.seen == [] or len(http_server.seen[0].body) < 64 * 1024 * 1024
