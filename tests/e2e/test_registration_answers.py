"""What the running worker makes of a studio's odd answers about who it is (protocol §2, §3)."""

from __future__ import annotations

import json
import subprocess
import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import WorkerProcess
from tests.support.waiting import eventually

APPROVED = {"status": "approved", "workerId": "w-9", "authToken": "token-9"}
JSON = ("application/json", b'{"code":"not_found","message":"no such worker"}')
PAGE = ("text/html; charset=utf-8", b"<!doctype html><title>404 Not Found</title><h1>nginx</h1>")


class Desk(ThreadingHTTPServer):
    """A studio's registration as a script: polls are answered with ``decisions`` in their order,
    the last one for good, and every session is refused with 404 in ``gone``'s words."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.decisions: list[dict[str, str]] = [{"status": "pending"}]
        self.gone = JSON
        self.requests: list[dict[str, Any]] = []
        self.polls = 0
        self.sessions: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"

    def decision(self) -> dict[str, str]:
        self.polls += 1
        return self.decisions[min(self.polls, len(self.decisions)) - 1]


class _Handler(BaseHTTPRequestHandler):
    server: Desk
    protocol_version = "HTTP/1.1"  # of which WebSocket upgrades are

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        number = len(self.server.requests)
        self._answer(200, JSON[0], json.dumps({"requestId": f"rr-{number}", "status": "pending"}))

    def do_GET(self) -> None:
        if self.path.endswith("/connect"):
            self.server.sessions.append((self.path, self.headers.get("Authorization")))
            self._answer(404, self.server.gone[0], self.server.gone[1].decode())
        else:
            self._answer(200, JSON[0], json.dumps(self.server.decision()))

    def _answer(self, status: int, media_type: str, body: str) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


Start = Callable[..., WorkerProcess]


@pytest.fixture
def start(desk: Desk, tmp_path: Path) -> Iterator[Start]:
    """Start a worker that knows the desk's address."""
    with ExitStack() as stack:

        def begin(settings: str = "") -> WorkerProcess:
            worker = WorkerProcess(tmp_path / "worker", desk.url, settings=settings)
            # Shown by pytest beside a failure.
            stack.callback(lambda: print(worker.output))
            return stack.enter_context(worker)

        yield begin


def config_of(worker: WorkerProcess) -> dict[str, Any]:
    return tomllib.loads(worker.config.read_text("utf-8"))


@pytest.mark.parametrize(
    ("worker_id", "token"),
    [
        ("", "token-1"),
        (".", "token-1"),
        ("..", "token-1"),
        ("/", "token-1"),
        ("w\n1", "token-1"),
        ("w-1", ""),
        ("w-1", "token\r\nX-Other: 1"),
    ],
)
def test_an_approval_that_cannot_be_used_is_none_and_the_worker_keeps_asking(
    desk: Desk, start: Start, worker_id: str, token: str
) -> None:
    unusable = {"status": "approved", "workerId": worker_id, "authToken": token}
    desk.decisions = [unusable, APPROVED, {"status": "pending"}]
    worker = start()
    worker.wait_line("registration goes on later: the answer to register-poll")
    before = config_of(worker)
    assert before["registration_request_id"] == "rr-1"
    assert "worker_id" not in before
    assert "auth_token" not in before
    eventually("a session with what could be used", lambda: desk.sessions)
    assert desk.sessions[0] == ("/graphics/api/workers/w-9/connect", "Bearer token-9")
    assert desk.polls >= 2
    assert worker.stop() == 0
    assert "Traceback" not in worker.output


@pytest.mark.parametrize("gone", [JSON, PAGE], ids=["JSON", "a page"])
def test_a_session_refused_with_404_makes_the_worker_ask_anew_without_a_restart(
    desk: Desk, start: Start, gone: tuple[str, bytes]
) -> None:
    desk.gone = gone
    worker = start('install_id = "i-1"\nworker_id = "w-1"\nauth_token = "token-1"\n')
    pid = worker.pid
    eventually("a request to be let in again", lambda: desk.requests)
    eventually("a poll", lambda: desk.polls)
    kept = config_of(worker)
    assert kept["install_id"] == desk.requests[0]["installId"] == "i-1"
    assert "worker_id" not in kept
    assert "auth_token" not in kept
    assert desk.sessions == [("/graphics/api/workers/w-1/connect", "Bearer token-1")]
    desk.decisions = [APPROVED]
    eventually("a session as the new worker", lambda: desk.sessions[1:])
    assert desk.sessions[1] == ("/graphics/api/workers/w-9/connect", "Bearer token-9")
    assert worker.pid == pid
    assert worker.stop() == 0
    assert "Traceback" not in worker.output


def test_a_rejection_outlives_the_daemon_and_a_reset_beside_it_asks_afresh(
    desk: Desk, start: Start
) -> None:
    desk.decisions = [{"status": "rejected", "reason": "not ours"}, {"status": "pending"}]
    worker = start()
    worker.wait_line("not ours.*register --reset")
    assert worker.stop() == 0
    seen = len(worker.lines)
    worker.start()
    worker.wait_line("not ours.*register --reset", after=seen)
    reset = subprocess.run(
        [*worker.argv[:-1], "register", "--reset"],
        env=worker.env,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert reset.returncode == 0, reset.stderr
    assert f"process {worker.pid}" in reset.stdout
    eventually("a request of the worker that runs", lambda: desk.requests[1:])
    first, second = desk.requests
    assert first["installId"] != second["installId"]
    assert first["registrationSecretHash"] != second["registrationSecretHash"]
    eventually("a poll for the second request", lambda: desk.polls >= 2)
    assert worker.stop() == 0
    assert len(desk.requests) == 2, "nothing was asked between the rejection and the reset"
    assert "Traceback" not in worker.output
