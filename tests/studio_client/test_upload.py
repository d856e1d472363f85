"""Results on their way, and what a studio may do to them (protocol §4)."""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio_worker_core.errors import HttpStatusError, OutboxError, TransportError
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.studio_client.upload import ResultUpload
from studio_worker_core.wire.generation import GenerationMeta
from tests.studio_client.servers import (
    Answer,
    HttpServer,
    RawServer,
    read_body,
    read_head,
    reset,
)

TOKEN = Secret("t0ken")
StartRaw = Callable[[Callable[[socket.socket], None]], RawServer]


def _upload(path: Path, **changes: Any) -> ResultUpload:
    fields: dict[str, Any] = {
        "path": path,
        "ext": "png",
        "mime": "image/png",
        "prompt": "a cat",
        "file_name": "j-1.png",
    }
    return ResultUpload(**fields | changes)


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


def _parts(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    boundary = content_type.removeprefix("multipart/form-data; boundary=").encode()
    head, *parts, tail = (b"\r\n" + body).split(b"\r\n--" + boundary)
    assert (head, tail) == (b"", b"--\r\n")
    found = []
    for part in parts:
        assert part.startswith(b"\r\n")
        lines, content = part[2:].split(b"\r\n\r\n", 1)
        headers = dict(line.split(": ", 1) for line in lines.decode().split("\r\n"))
        found.append((headers, content))
    return found


def _complete(url: str, upload: ResultUpload, **options: Any) -> None:
    StudioClient(url, **options).complete("w-1", TOKEN, "j-1", upload)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_result_arrives_as_the_protocol_says(
    http_server: HttpServer, small: Path, status: int
) -> None:
    http_server.respond = lambda _: Answer(status)
    _complete(http_server.url, _upload(small, prompt="ein Bär\r\nzweite Zeile"))
    [seen] = http_server.seen
    assert (seen.method, seen.path) == ("POST", "/graphics/api/workers/w-1/jobs/j-1/complete")
    assert seen.headers["authorization"] == "Bearer t0ken"
    assert int(seen.headers["content-length"]) == len(seen.body)
    prompt, ext, image = _parts(seen.headers["content-type"], seen.body)
    assert prompt[0]["Content-Disposition"] == 'form-data; name="prompt"'
    assert prompt[1].decode() == "ein Bär\r\nzweite Zeile"
    assert (ext[0]["Content-Disposition"], ext[1]) == ('form-data; name="ext"', b"png")
    assert image[0] == {
        "Content-Disposition": 'form-data; name="image"; filename="j-1.png"',
        "Content-Type": "image/png",
    }
    assert image[1] == small.read_bytes()


def test_how_it_was_made_is_a_field_of_the_form(http_server: HttpServer, small: Path) -> None:
    http_server.respond = lambda _: Answer(204)
    _complete(http_server.url, _upload(small, meta=GenerationMeta(model="zöe", seed=2**64 - 1)))
    [seen] = http_server.seen
    assert int(seen.headers["content-length"]) == len(seen.body)
    _, _, meta, image = _parts(seen.headers["content-type"], seen.body)
    assert meta[0]["Content-Disposition"] == 'form-data; name="generationMeta"'
    assert meta[1].decode() == '{"model":"zöe","seed":18446744073709551615}'
    assert image[1] == small.read_bytes()


@pytest.mark.parametrize(
    ("status", "transient"), [(409, False), (413, False), (500, True), (503, True)]
)
def test_a_refusal_carries_operation_status_and_body(
    http_server: HttpServer, small: Path, status: int, transient: bool
) -> None:
    http_server.respond = lambda _: Answer(status, b"not yours")
    with pytest.raises(HttpStatusError) as caught:
        _complete(http_server.url, _upload(small))
    assert str(caught.value) == f"complete failed: {status} — not yours"
    assert caught.value.is_transient is transient


def test_every_attempt_sends_the_whole_file_again(http_server: HttpServer, small: Path) -> None:
    answers = [Answer(500), Answer(503), Answer(204)]
    http_server.respond = lambda _: answers.pop(0)
    client, upload = StudioClient(http_server.url), _upload(small)
    for _ in range(2):
        with pytest.raises(HttpStatusError):
            client.complete("w-1", TOKEN, "j-1", upload)
    client.complete("w-1", TOKEN, "j-1", upload)
    bodies = [_parts(seen.headers["content-type"], seen.body) for seen in http_server.seen]
    assert bodies[0] == bodies[1] == bodies[2]
    boundaries = {seen.headers["content-type"] for seen in http_server.seen}
    assert len(boundaries) == 3


def test_a_large_file_is_never_held_in_memory(http_server: HttpServer, large: Path) -> None:
    body = _upload(large).open()
    tracemalloc.start()
    try:
        total = 0
        while chunk := body.read(65536):
            total += len(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        body.close()
    assert total == len(body)
    assert peak < 1024 * 1024


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
        _complete(raw_server(behave).url, _upload(large))
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
        _complete(server.url, _upload(large))
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
        client.complete("w-1", TOKEN, "j-1", _upload(large))
    client.complete("w-1", TOKEN, "j-2", _upload(small))
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
            _complete(raw_server(behave).url, _upload(large))
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
    thread = threading.Thread(target=_complete, args=(server.url, _upload(small)))
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
            _complete(raw_server(behave).url, _upload(small), timeout=0.3)
    finally:
        over.set()


def test_a_studio_that_stops_reading_is_given_up(raw_server: StartRaw, large: Path) -> None:
    over = threading.Event()

    def behave(connection: socket.socket) -> None:
        read_head(connection)
        over.wait(60)

    try:
        with pytest.raises(TransportError, match="timed out"):
            _complete(raw_server(behave).url, _upload(large), timeout=0.3)
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
            client.complete("w-1", TOKEN, "j-1", _upload(small))
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
        _complete(server.url, _upload(large, abort=abort))
    assert ended.wait(60)
    assert asked == 21
    assert taken[0] < large.stat().st_size


def test_a_file_that_is_gone_or_shrinks_is_an_outbox_error(
    http_server: HttpServer, large: Path, tmp_path: Path
) -> None:
    with pytest.raises(OutboxError, match="cannot read the result") as caught:
        _complete(http_server.url, _upload(tmp_path / "gone.png"))
    assert caught.value.path == tmp_path / "gone.png"

    def shrink() -> bool:
        with large.open("r+b") as file:
            file.truncate(10)
        return False

    with pytest.raises(OutboxError, match="became shorter"):
        _complete(http_server.url, _upload(large, abort=shrink))
    assert http_server.seen == [] or len(http_server.seen[0].body) < 64 * 1024 * 1024


def test_the_size_is_logged_before_the_upload(
    http_server: HttpServer, small: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "studio_worker.http"):
        _complete(http_server.url, _upload(small))
    before, after = [r for r in caplog.records if r.name == "studio_worker.http"]
    fields: Any = before
    assert (fields.op, fields.job_id, fields.bytes, fields.ext) == (
        "complete",
        "j-1",
        small.stat().st_size,
        "png",
    )
    assert vars(after)["status"] == 204


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=2000),
    st.text(max_size=200),
    st.text(min_size=1, max_size=30),
    st.lists(st.integers(1, 700), min_size=1, max_size=20),
)
def test_any_content_in_any_chunks_is_one_well_formed_body(
    tmp_path: Path, content: bytes, prompt: str, name: str, sizes: list[int]
) -> None:
    path = tmp_path / "result"
    path.write_bytes(content)
    chunks: list[bytes] = []
    with _upload(path, prompt=prompt, file_name=name).open() as body:
        while chunk := body.read(sizes[len(chunks) % len(sizes)]):
            assert len(chunk) <= sizes[len(chunks) % len(sizes)]
            chunks.append(chunk)
    whole = b"".join(chunks)
    assert len(whole) == len(body)
    parts = _parts(body.content_type, whole)
    assert [part[1] for part in parts] == [prompt.encode(errors="replace"), b"png", content]
    assert re.fullmatch(
        r'form-data; name="image"; filename="[^"\r\n]*"', parts[2][0]["Content-Disposition"]
    )
