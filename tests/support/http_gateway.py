"""A reverse proxy that answers, holds or delays single HTTP calls on purpose.

:class:`HttpGateway` stands between a worker and a studio. WebSocket upgrades pass through as
raw bytes; other calls are forwarded unless a :class:`Rule` says otherwise::

    with HttpGateway(studio.url) as gateway:
        gateway.add(Rule("/complete", status=503, times=3))
        held = gateway.add(Rule("/complete", hold="answer"))
        held.reached.wait(60)      # the studio has the result, the worker does not know
        held.release.set()
"""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

_CHUNK = 64 * 1024
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass
class Rule:
    """What happens to the calls whose path ends in ``suffix``."""

    suffix: str
    status: int | None = None
    """Answer with this status; None forwards."""
    times: int = 1
    """For how many calls it holds."""
    after: bool = False
    """With ``status``: forward first, then hide the studio's answer behind ours."""
    hold: Literal["request", "answer"] | None = None
    """Wait for ``release`` before forwarding, or with the studio's answer in hand."""
    headers: dict[str, str] = field(default_factory=dict)
    reached: threading.Event = field(default_factory=threading.Event)
    """Set when a call arrived here (and, for ``answer``, the studio has answered)."""
    release: threading.Event = field(default_factory=threading.Event)


class HttpGateway:
    """Forwards from a loopback port of its own to a studio; a context manager."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self.target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.calls: list[tuple[str, str, int]] = []
        """Method, path and status of every call, as the worker saw them."""
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """The gateway as a studio's root."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def add(self, rule: Rule) -> Rule:
        """Put a rule at the end; the first that fits a call is used."""
        with self._lock:
            self._rules.append(rule)
        return rule

    def statuses(self, suffix: str) -> list[int]:
        """What the worker was answered for a path so far."""
        with self._lock:
            return [status for _, path, status in self.calls if path.endswith(suffix)]

    def forgive(self) -> None:
        """End every rule: from now on all calls are forwarded, and what is held goes on."""
        with self._lock:
            for rule in self._rules:
                rule.times = 0
                rule.release.set()

    def take_rule(self, path: str) -> Rule | None:
        """The rule for one call, used up once."""
        with self._lock:
            for rule in self._rules:
                if path.endswith(rule.suffix) and rule.times > 0:
                    rule.times -= 1
                    return rule
        return None

    def note(self, method: str, path: str, status: int) -> None:
        """Remember a call that was answered."""
        with self._lock:
            self.calls.append((method, path, status))

    @property
    def is_ending(self) -> bool:
        """True once the gateway is being left."""
        return self._ending.is_set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        self.forgive()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, gateway: HttpGateway) -> None:
        self.gateway = gateway
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A worker that was killed mid-call is what this is for."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._tunnel()
        else:
            self._call()

    def do_POST(self) -> None:
        self._call()

    def _call(self) -> None:
        gateway = self.server.gateway
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        rule = gateway.take_rule(self.path)
        if rule is not None and rule.hold != "answer":
            rule.reached.set()
        if rule is not None and rule.hold == "request":
            rule.release.wait()
        if rule is not None and rule.status is not None and not rule.after:
            self._answer(rule.status, {"Content-Type": "text/plain", **rule.headers}, b"no luck")
            return
        status, headers, answer = self._forward(body)
        if rule is not None and rule.hold == "answer":
            rule.reached.set()
            rule.release.wait()
        if gateway.is_ending:
            self.close_connection = True
            return
        if rule is not None and rule.status is not None:
            status, headers, answer = rule.status, dict(rule.headers), b"the answer was lost"
        self._answer(status, headers, answer)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.server.gateway.note(self.command, self.path, status)
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        upstream = http.client.HTTPConnection(*self.server.gateway.target, timeout=60)
        with contextlib.closing(upstream):
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
            try:
                upstream.request(self.command, self.path, body=body, headers=headers)
                answer = upstream.getresponse()
                return answer.status, dict(answer.getheaders()), answer.read()
            except OSError:
                return 502, {}, b"the studio is not there"

    def _tunnel(self) -> None:
        self.close_connection = True
        try:
            upstream = socket.create_connection(self.server.gateway.target, timeout=60)
        except OSError:
            self._answer(502, {}, b"the studio is not there")
            return
        with upstream:
            lines = [f"{self.command} {self.path} HTTP/1.1"]
            lines += [f"{name}: {value}" for name, value in self.headers.items()]
            upstream.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
            self._pump(upstream)

    def _pump(self, upstream: socket.socket) -> None:
        client = self.connection
        other = {client: upstream, upstream: client}
        with contextlib.suppress(OSError):
            while not self.server.gateway.is_ending:
                for readable in select.select([client, upstream], [], [], 0.1)[0]:
                    data = readable.recv(_CHUNK)
                    if not data:
                        return
                    other[readable].sendall(data)
