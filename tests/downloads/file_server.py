"""A file server that misbehaves as it is told, and what the tests need around it."""

from __future__ import annotations

import hashlib
import http.server
import random
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from studio_worker_core.downloads.downloading import Downloader
from studio_worker_core.downloads.fetching import Fetcher
from studio_worker_core.models.store import ModelStore
from studio_worker_core.storage.atomic import is_draft
from studio_worker_core.wire.models import ModelFile, ModelSource


def content(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Answer:
    """How one request is answered; the defaults are those of a good server."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Instead of the file."""
    cut_after: int | None = None
    """Bytes of the body before the connection is closed."""
    announced: int | None = None
    """A Content-Length that is not the true one."""
    extra: bytes = b""
    """Sent after what was announced."""
    ignores_ranges: bool = False
    starts_at: int | None = None
    """Start of a 206 that is not the one asked for."""
    flipped: int | None = None
    """Offset (in the whole file) of a wrong byte."""
    endless: bool = False
    chunked: bool = False
    stalls_after: int | None = None
    """Bytes of the body before nothing more comes until the server stops."""
    drips: bool = False
    """A byte of the body now and then, until the server stops."""
    drips_head: str = ""
    """``status`` or ``header``: that part of the head comes a byte now and then, for ever."""
    endless_until_close: bool = False
    """Neither a length nor chunks: the end of the connection is the end of the body."""


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    answered: int = 0


class FileServer:
    """Serves ``files``; ``answers[path]`` is used up one request at a time."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.etags: dict[str, str] = {}
        self.answers: dict[str, list[Answer]] = {}
        self.always: dict[str, Answer] = {}
        self.requests: list[Request] = []
        self.stalled = threading.Event()
        self.over = threading.Event()
        self.on_request: Callable[[str], None] = lambda path: None
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self.port}{path}"

    def serve(self, path: str, data: bytes, *answers: Answer, etag: str | None = None) -> str:
        """Serve ``data``, the first requests in the ways of ``answers``; its URL."""
        self.files[path] = data
        self.etags[path] = etag if etag is not None else f'"{sha256(data)[:16]}"'
        self.answers[path] = list(answers)
        return self.url(path)

    def take(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            waiting = self.answers.get(request.path, [])
            return waiting.pop(0) if waiting else self.always.get(request.path, Answer())

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(60)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
    owner: FileServer

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that go away are what these tests are about


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        owner = self.server.owner
        self.close_connection = True
        path = self.path.split("?")[0]
        request = Request(path, {key.lower(): value for key, value in self.headers.items()})
        answer = owner.take(request)
        owner.on_request(path)
        data = owner.files.get(path)
        if answer.drips_head:
            self.wfile.write(
                b"HTTP/1.1 2" if answer.drips_head == "status" else b"HTTP/1.1 200 OK\r\nX: "
            )
            self._drip(owner, b"0" * 60_000)
        elif answer.status is not None:
            self._plain(answer, answer.body or b"")
        elif data is None:
            self._plain(Answer(status=404), b"no such file")
        else:
            self._file(owner, request, answer, answer.body if answer.body is not None else data)

    def _plain(self, answer: Answer, body: bytes) -> None:
        self.send_response(answer.status or 200)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _file(self, owner: FileServer, request: Request, answer: Answer, data: bytes) -> None:
        etag = owner.etags.get(request.path, "")
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        fits = request.headers.get("if-range", etag) == etag
        start = int(asked.group(1)) if asked and fits and not answer.ignores_ranges else 0
        if answer.flipped is not None:
            at = answer.flipped
            data = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
        if start and start >= len(data):
            self._plain(Answer(status=416, headers={"Content-Range": f"bytes */{len(data)}"}), b"")
            return
        is_partial = bool(asked and fits and not answer.ignores_ranges)
        if answer.starts_at is not None:
            start = answer.starts_at
        body = data[start:]
        self.send_response(206 if is_partial else 200)
        if is_partial:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if etag:
            self.send_header("ETag", etag)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.endless_until_close:
            pass
        elif answer.chunked or answer.endless:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            announced = len(body) if answer.announced is None else answer.announced
            self.send_header("Content-Length", str(announced))
        self.end_headers()
        self._body(owner, request, answer, body)

    def _body(self, owner: FileServer, request: Request, answer: Answer, body: bytes) -> None:
        if answer.endless:
            while not owner.over.is_set():
                self._chunk(body)
        if answer.drips:
            self._drip(owner, body)
            return
        if answer.stalls_after is not None:
            self.wfile.write(body[: answer.stalls_after])
            owner.stalled.set()
            owner.over.wait(60)
            return
        sent = body if answer.cut_after is None else body[: answer.cut_after]
        if answer.chunked:
            self._chunk(sent)
            if answer.cut_after is None:
                self.wfile.write(b"0\r\n\r\n")
        else:
            self.wfile.write(sent + answer.extra)
        request.answered = len(sent)

    def _drip(self, owner: FileServer, data: bytes) -> None:
        for number in range(len(data)):
            if owner.over.wait(0.02):
                return
            self.wfile.write(data[number : number + 1])
            self.wfile.flush()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


@dataclass
class Kitchen:
    """A store whose pauses are short, and a source to go with it."""

    root: Path
    free: int = 10**12

    def downloader(self, *, max_bytes: int = 10**9, **fetcher: object) -> Downloader:
        options: dict[str, object] = {"connect_seconds": 5.0, "stall_seconds": 5.0} | fetcher
        return Downloader(
            Fetcher(**options),  # type: ignore[arg-type]
            attempts=3,
            first_pause=0.001,
            longest_pause=0.002,
            max_bytes=max_bytes,
            free=lambda path: self.free,
            roll=random.Random(3).random,
        )

    def store(self, **options: object) -> ModelStore:
        return ModelStore(self.root, downloader=self.downloader(**options))  # type: ignore[arg-type]

    def leftovers(self) -> list[str]:
        """Files below the root that are neither whole nor the store's own books."""
        return sorted(
            path.name
            for path in self.root.rglob("*")
            if path.is_file() and (".part" in path.name or is_draft(path.name))
        )


def source_of(*files: ModelFile) -> ModelSource:
    return ModelSource(engine="onnx", files=list(files))


def one_file(
    url: str, data: bytes | None = None, *, name: str = "weights.bin", approx: int | None = None
) -> ModelSource:
    digest = None if data is None else sha256(data)
    return source_of(
        ModelFile(role="model", url=url, filename=name, sha256=digest, approx_bytes=approx)
    )
