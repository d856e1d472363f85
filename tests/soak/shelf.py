"""A model whose files change while jobs ask for it, served over HTTP."""

from __future__ import annotations

import hashlib
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

CHANGING_MODEL = "fault-other"


class ModelShelf:
    """Every version that there ever was stays on the server: a job keeps the files that the
    registry named when it was queued. A context manager."""

    def __init__(self) -> None:
        self.version = 0
        self._name = "weights.bin"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def change(self, rng: random.Random) -> dict[str, Any]:
        """The next version as an entry of the registry (protocol §6): other bytes under the
        same name, or another file."""
        self.version += 1
        self._name = rng.choice(("weights.bin", f"weights-{self.version}.bin"))
        data = content(self.version)
        host, port = self._server.server_address[:2]
        file = {
            "role": "model",
            "filename": self._name,
            "url": f"http://{host!s}:{port}/{self.version}/{self._name}",
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        return {
            "id": CHANGING_MODEL,
            "displayName": f"Version {self.version}",
            "kind": "llm",
            "source": {"engine": "fault", "files": [file]},
            "enabled": True,
        }


def content(version: int) -> bytes:
    """The bytes of one version; the engine answers with them."""
    return b"weights %d" % version


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        data = content(int(self.path.split("/")[1]))
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing: what matters is what the workers say."""
