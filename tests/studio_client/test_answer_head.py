"""Only an answer whose head arrived whole is an answer."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio_worker_core.errors import HttpStatusError, TransportError
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.studio_client.upload import ResultUpload
from tests.studio_client.servers import RawServer, read_body, read_head, reset

ANSWER = b"HTTP/1.1 200 OK\r\nX-Some: thing\r\nContent-Length: 0\r\n\r\n"
REFUSAL = b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n"


class Studio:
    """Takes an upload whole and answers with what it is told, then closes."""

    def __init__(self) -> None:
        self.answer = ANSWER
        self.ends = ""
        self._server = RawServer(self._serve)
        self.url = self._server.url

    def _serve(self, connection: socket.socket) -> None:
        head, rest = read_head(connection)
        if not head:
            return
        read_body(connection, head, rest)
        connection.sendall(self.answer)
        if self.ends == "reset":
            reset(connection)

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def studio() -> Iterator[Studio]:
    made = Studio()
    yield made
    made.close()


@pytest.fixture
def deliver(studio: Studio, tmp_path: Path) -> Callable[[], None]:
    path = tmp_path / "result.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    upload = ResultUpload(path, "png", "image/png", "p", "job-1.png")

    def once() -> None:
        client = StudioClient(studio.url, timeout=60)
        try:
            client.complete("w-1", Secret("token"), "job-1", upload)
        finally:
            client.close()

    return once


def test_an_answer_with_a_whole_head_is_a_success(
    studio: Studio, deliver: Callable[[], None]
) -> None:
    deliver()


@pytest.mark.parametrize("line_end", [b"", b"\r", b"\r\n", b"\r\nX-Some", b"\r\nX-Some: a\r\n"])
def test_a_connection_that_ends_behind_the_status_is_no_success(
    studio: Studio, deliver: Callable[[], None], line_end: bytes
) -> None:
    studio.answer = b"HTTP/1.1 200" + line_end
    with pytest.raises(TransportError, match="ended in the head of the answer"):
        deliver()


def test_an_answer_of_nothing_but_a_continue_is_no_success(
    studio: Studio, deliver: Callable[[], None]
) -> None:
    studio.answer = b"HTTP/1.1 100 Continue\r\n\r\n"
    with pytest.raises(TransportError):
        deliver()


def test_a_refusal_that_is_cut_is_no_refusal(studio: Studio, deliver: Callable[[], None]) -> None:
    studio.answer = REFUSAL[:-2]
    with pytest.raises(TransportError):
        deliver()
    studio.answer = REFUSAL
    with pytest.raises(HttpStatusError):
        deliver()


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(cut=st.integers(0, len(ANSWER) - 1), ends=st.sampled_from(["", "reset"]))
def test_wherever_the_head_is_cut_the_result_is_not_taken_for_delivered(
    studio: Studio, deliver: Callable[[], None], cut: int, ends: str
) -> None:
    studio.answer, studio.ends = ANSWER[:cut], ends
    with pytest.raises(TransportError):
        deliver()
