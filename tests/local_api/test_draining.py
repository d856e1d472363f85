"""An answer that comes before its request has been sent whole arrives all the same."""

from __future__ import annotations

import asyncio
import http.client
import socket
from collections.abc import Iterator

import pytest
from starlette.types import Message

from studio_worker_core.local_api.draining import Draining
from tests.local_api.served_here import TOKEN, ServedHere

PART = b"x" * (1 << 16)
SIGNED = f"authorization: Bearer {TOKEN}\r\n"


def connection(here: ServedHere) -> socket.socket:
    return socket.create_connection(here.listener.getsockname()[:2], 120)


def plain(size: int) -> tuple[str, Iterator[bytes]]:
    parts = (PART[: min(size - at, len(PART))] for at in range(0, size, len(PART)))
    return f"content-length: {size}\r\n", parts


def chunked(size: int) -> tuple[str, Iterator[bytes]]:
    _, parts = plain(size)
    framed = (b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return "transfer-encoding: chunked\r\n", framed


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("framing", [plain, chunked])
@pytest.mark.parametrize(
    ("path", "headers", "size", "status"),
    [
        ("/image", SIGNED, 65 << 20, 413),
        ("/tts", SIGNED, 8 << 20, 413),
        ("/mesh", SIGNED + "content-type: image/png\r\n", 65 << 20, 413),
        ("/mesh", SIGNED + "content-type: text/plain\r\n", 8 << 20, 415),
        ("/v1/audio/transcriptions", SIGNED + "content-type: text/plain\r\n", 8 << 20, 400),
        ("/image", "", 8 << 20, 401),
        ("/nothing", SIGNED, 8 << 20, 404),
    ],
)
def test_a_client_that_sends_all_before_it_reads_gets_the_answer(
    here: ServedHere, path: str, headers: str, size: int, status: int, framing: object, closes: bool
) -> None:
    length, parts = framing(size)  # type: ignore[operator]
    headers += "connection: close\r\n" if closes else ""
    with connection(here) as client:
        head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}{length}\r\n"
        client.sendall(head.encode())
        for part in parts:
            client.sendall(part)
        if framing is chunked:
            client.sendall(b"0\r\n\r\n")
        answer = http.client.HTTPResponse(client, method="POST")
        answer.begin()
        assert answer.status == status
        assert answer.read()
        assert answer.headers["connection"] == "close"
        assert client.recv(1) == b"", "the connection ends"


def test_a_client_that_waits_first_gets_the_answer_at_once(here: ServedHere) -> None:
    with connection(here) as client:
        head = (
            f"POST /image HTTP/1.1\r\nhost: 127.0.0.1\r\n{SIGNED}content-length: 99999999\r\n\r\n"
        )
        client.sendall(head.encode())
        answer = http.client.HTTPResponse(client, method="POST")
        answer.begin()
        assert (answer.status, bool(answer.read())) == (413, True)


def drained(parts: list[Message], **bounds: float) -> list[Message]:
    """What is sent for an answer that is given before any of ``parts`` was read."""
    sent: list[Message] = []

    async def receive() -> Message:
        if not parts:
            await asyncio.Event().wait()
        return parts.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async def answer() -> None:
        scope = {"type": "http", "headers": [(b"content-length", b"99")]}
        draining = Draining(scope, receive, send, **bounds)  # type: ignore[arg-type]
        await draining.send({"type": "http.response.start", "status": 413, "headers": []})
        await draining.send({"type": "http.response.body", "body": b"no"})

    asyncio.run(answer())
    return sent


def part(size: int, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": b"x" * size, "more_body": more}


def test_the_answer_goes_out_first_and_ends_once_the_request_has() -> None:
    parts = [part(5), part(5, more=False), part(1)]
    sent = drained(parts)
    assert [(each.get("body"), each.get("more_body")) for each in sent[1:]] == [
        (b"no", True),
        (b"", False),
    ]
    assert (b"connection", b"close") in sent[0]["headers"]
    assert len(parts) == 1


def test_no_more_is_read_than_the_bounds_allow() -> None:
    parts = [part(5) for _ in range(10)]
    assert drained(parts, most_bytes=12)[-1]["more_body"] is False
    assert len(parts) == 7
    assert drained([], most_seconds=0.01)[-1]["more_body"] is False


def test_a_client_that_goes_away_ends_it() -> None:
    assert drained([{"type": "http.disconnect"}])[-1]["more_body"] is False
