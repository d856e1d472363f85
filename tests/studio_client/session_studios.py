"""Studios that take a session, or answer the upgrade in another way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.server import ServerConnection, serve

from studio_worker_core.secrets import Secret

TOKEN = Secret("t0ken-that-stays-hidden")


@contextmanager
def session_studio(handler: Callable[[ServerConnection], None], **options: Any) -> Iterator[str]:
    with serve(handler, "127.0.0.1", 0, **options) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join(timeout=60)


def until_closed(connection: ServerConnection) -> None:
    for _ in connection:
        pass
