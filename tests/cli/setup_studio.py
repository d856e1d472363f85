"""A studio, and a conversation with the command, for the tests of setup."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

COMMAND = [sys.executable, "-m", "studio_worker_core.cli.main", "setup"]


UNKNOWN = (404, "application/json", b'{"error":"not_found","message":"no such request"}')


class Server(ThreadingHTTPServer):
    """Answers whatever it is asked with ``answer``: a studio that knows no such request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = UNKNOWN
        self.asked: list[tuple[str, str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        server.asked.append((self.command, self.path, self.headers.get("Authorization")))
        status, media_type, body = server.answer
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        if 300 <= status < 400:
            self.send_header("Location", "https://login.example/")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class Conversation:
    """The command on a terminal of its own, with somebody who reads and types."""

    def __init__(self, argv: list[str], env: dict[str, str], cwd: Path) -> None:
        self._controller, terminal = pty.openpty()
        self.text = ""
        self._read_up_to = 0
        self._process = subprocess.Popen(
            argv,
            env=env,
            cwd=cwd,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            # Ctrl-C reaches the command as the terminal's.
            start_new_session=True,
            preexec_fn=lambda: _take(terminal),
        )
        os.close(terminal)

    def answer(self, question: str, typed: str) -> None:
        """Wait for a question and type after it; Enter too, unless it is a control character."""
        self.wait_for(question + r"[^\n]*: $")
        end = "" if typed in ("\x03", "\x04") else "\n"
        os.write(self._controller, f"{typed}{end}".encode())

    def wait_for(self, pattern: str) -> None:
        deadline = time.monotonic() + 60
        while not (found := re.search(pattern, self.text[self._read_up_to :])):
            assert self._more(deadline), f"never said {pattern!r}: {self.text}"
        self._read_up_to += found.end()

    def end(self) -> int:
        """Wait for the end; the exit status."""
        deadline = time.monotonic() + 60
        while self._more(deadline):
            pass
        return self._process.wait(60)

    def _more(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._controller], [], [], max(0, deadline - time.monotonic()))
        try:
            data = os.read(self._controller, 4096) if ready else b""
        except OSError:  # how Linux says that the other end is closed
            data = b""
        self.text += data.decode("utf-8").replace("\r\n", "\n")
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(60)
        os.close(self._controller)


def _take(terminal: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
