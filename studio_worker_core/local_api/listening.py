"""The port of the local API, held from the start; what answers there is loaded when asked."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp

log = logging.getLogger("studio_worker.local_api")

_HERE = "127.0.0.1"
_GRACE_SECONDS = 3


def bind(port: int, host: str = _HERE) -> socket.socket:
    """A listening socket on ``port``, or on a free one when it is taken.

    Raises:
        OSError: this machine gives no port at all.
    """
    try:
        return _bound(host, port)
    except OSError as error:
        if port == 0:
            raise
        log.info("port %d is taken (%s); the local API takes a free one", port, error.strerror)
        return _bound(host, 0)


def url_of(listener: socket.socket) -> str:
    """The address of the API at ``listener``, without a slash at its end."""
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


def _bound(host: str, port: int) -> socket.socket:
    listener = socket.socket()
    try:
        if sys.platform != "win32":  # there it would let two workers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError):
        listener.close()
        raise
    return listener


class LocalServer:
    """Serves an application on ``listener``; :meth:`run` is the body of its thread.

    Nothing of a server is loaded before the first connection comes: an API that nobody uses
    costs a socket and a thread.
    """

    def __init__(self, listener: socket.socket, make_app: Callable[[], ASGIApp]) -> None:
        self._listener = listener
        self._make_app = make_app
        self._bell, self._ear = socket.socketpair()
        self._stopping = False
        self._end: Callable[[], None] = lambda: None

    def run(self) -> None:
        """Wait for the first connection, then serve until :meth:`stop`."""
        try:
            if self._wanted():
                self._serve()
        finally:
            self._listener.close()
            self._bell.close()
            self._ear.close()

    def stop(self) -> None:
        """Have :meth:`run` return: no new requests, those under way get a moment."""
        self._stopping = True
        self._end()
        with contextlib.suppress(OSError):
            self._bell.send(b"!")

    def _wanted(self) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._ear, selectors.EVENT_READ)
            selector.select()
        return not self._stopping

    def _serve(self) -> None:
        import uvicorn

        config = uvicorn.Config(
            self._make_app(),
            http="h11",  # bounds the size of a request's head
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            timeout_keep_alive=30,
        )
        server = uvicorn.Server(config)

        def end() -> None:
            server.should_exit = True

        self._end = end
        if self._stopping:
            return
        server.run(sockets=[self._listener])
