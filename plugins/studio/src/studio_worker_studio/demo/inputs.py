"""A tiny file server for the inputs of later jobs: results of earlier ones."""

from __future__ import annotations

import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing: the demo's own output is what matters."""


class InputServer:
    """Serves the files given to it on a free loopback port while it is entered.

    The studio hands results only to its operator; a worker fetches the inputs of a task
    without credentials, from wherever the task says.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> InputServer:
        self._directory.mkdir(parents=True, exist_ok=True)
        handler = partial(_Quiet, directory=str(self._directory))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="demo inputs"
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def offer(self, file: Path) -> str:
        """Serve a copy of ``file``; its address."""
        shutil.copyfile(file, self._directory / file.name)
        return f"http://127.0.0.1:{self._server.server_address[1]}/{file.name}"
