"""The port of the local API, held from the start; what answers there is loaded when asked."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from ssl import SSLContext

    from starlette.types import ASGIApp
    from uvicorn import Server

log = logging.getLogger("studio_worker.local_api")

_HERE = "127.0.0.1"
_GRACE_SECONDS = 3
_MOST_OF_OTHERS = 256


def bind(port: int, host: str = _HERE) -> socket.socket:
    """A listening socket on ``port``, or on a free one when it is taken.

    Raises:
        OSError: this machine gives no port at all.
    """
    try:
        return bound(host, port)
    except OSError as error:
        if port == 0:
            raise
        log.info("port %d is taken (%s); the local API takes a free one", port, error.strerror)
        return bound(host, 0)


def url_of(listener: socket.socket) -> str:
    """The address of the API at ``listener``, without a slash at its end."""
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


def bound(host: str, port: int) -> socket.socket:
    """A listening socket at just this address and port. Raises :class:`OSError`."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        if sys.platform != "win32":  # there it would let two workers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError):
        listener.close()
        raise
    return listener


class Lan(Struct, frozen=True):
    """Where other machines are answered, and the TLS spoken there, if any."""

    listener: socket.socket
    tls: SSLContext | None


class LocalServer:
    """Serves an application on ``listener``; :meth:`run` is the body of its thread.

    Nothing of a server is loaded before the first connection comes: an API that nobody uses
    costs a socket and a thread.

    :param lan: where other machines are answered.
    """

    def __init__(
        self,
        listener: socket.socket,
        make_app: Callable[[], ASGIApp],
        lan: Lan | None = None,
    ) -> None:
        self._listener = listener
        self._lan = lan
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
            for listener in self._listeners():
                listener.close()
            self._bell.close()
            self._ear.close()

    def stop(self) -> None:
        """Have :meth:`run` return: no new requests, those under way get a moment."""
        self._stopping = True
        self._end()
        with contextlib.suppress(OSError):
            self._bell.send(b"!")

    def _listeners(self) -> list[socket.socket]:
        return [self._listener] if self._lan is None else [self._listener, self._lan.listener]

    def _wanted(self) -> bool:
        with selectors.DefaultSelector() as selector:
            for each in (*self._listeners(), self._ear):
                selector.register(each, selectors.EVENT_READ)
            selector.select()
        return not self._stopping

    def _serve(self) -> None:
        import asyncio

        app = self._make_app()
        servers = [_server(app)]
        if self._lan is not None:
            # Strangers may come there, and keep connections.
            servers.append(_server(app, tls=self._lan.tls, most=_MOST_OF_OTHERS))

        def end() -> None:
            for server in servers:
                server.should_exit = True

        self._end = end
        if self._stopping:
            return

        async def serve() -> None:
            pairs = zip(servers, self._listeners(), strict=True)
            await asyncio.gather(*(server.serve([listener]) for server, listener in pairs))

        asyncio.run(serve())


def _server(app: ASGIApp, tls: SSLContext | None = None, most: int | None = None) -> Server:
    import uvicorn

    config = uvicorn.Config(
        app,
        http="h11",  # bounds the size of a request's head
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",  # what a client does wrong is answered, not printed
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=most,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=30,
    )
    config.load()
    config.ssl = tls
    return uvicorn.Server(config)
