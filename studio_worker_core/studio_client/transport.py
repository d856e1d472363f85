"""The pool under the HTTP client: sockets that can be ended from another thread."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import requests
import urllib3.connection
import urllib3.connectionpool
from requests.adapters import HTTPAdapter
from urllib3.util.wait import wait_for_read

from studio_worker_core.network.tls import client_context
from studio_worker_core.network.words import Peer, proxy_words, why_failed
from studio_worker_core.studio_client.answer_head import WholeHeadResponse

STUDIO = Peer("the studio", "is api_base_url")

_BLOCK_BYTES = 64 * 1024


class _Sockets:
    """Connections with a call in flight or kept alive; :meth:`end` breaks them all."""

    def __init__(self, send_timeout: float) -> None:
        self._send_timeout = send_timeout
        self._mutex = threading.Lock()
        self._open: weakref.WeakSet[urllib3.connection.HTTPConnection] = weakref.WeakSet()
        self._ended = False

    def add(self, connection: urllib3.connection.HTTPConnection) -> None:
        with self._mutex:
            self._open.add(connection)
            ended = self._ended
        if connection.sock is not None:
            # urllib3 would keep the time limit of the connect for sending, too.
            connection.sock.settimeout(self._send_timeout)
        if ended:
            _shut(connection)

    def drop_cut_short(self) -> None:
        with self._mutex:
            connections = list(self._open)
        for connection in connections:
            if getattr(connection, "cut_short", False):
                connection.close()

    def end(self) -> None:
        with self._mutex:
            self._ended = True
        self.break_off()

    def break_off(self) -> None:
        with self._mutex:
            connections = list(self._open)
        for connection in connections:
            _shut(connection)


def _shut(connection: urllib3.connection.HTTPConnection) -> None:
    sock = connection.sock
    if sock is not None:
        # shutdown, not close: it wakes the thread that is blocked on this socket.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


class EndableAdapter(HTTPAdapter):
    """An HTTP adapter whose calls in flight :meth:`end` can break off.

    It sends in blocks of 64 KiB, never retries on its own, and stops sending a body as
    soon as a plain-HTTP server has already answered (an early 409 or 413). ``timeout`` is
    how long one block may take to leave, in seconds. With ``tls`` the certificates are
    checked as :func:`client_context` says, whatever ``verify`` a session asks for.

    Raises:
        ConfigError: the operator's own authorities cannot be read.
    """

    def __init__(self, timeout: float, *, tls: bool) -> None:
        self._sockets = _Sockets(timeout)
        self._context = client_context() if tls else None
        super().__init__(pool_connections=2, pool_maxsize=2, max_retries=0)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any
    ) -> None:
        super().init_poolmanager(
            connections,
            maxsize,
            block,
            ssl_context=self._context,
            blocksize=_BLOCK_BYTES,
            **pool_kwargs,
        )
        self.poolmanager.pool_classes_by_scheme = _pools(self._sockets)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """The same sockets and certificates when the way leads through an HTTP proxy."""
        if not proxy.lower().startswith("http"):
            return super().proxy_manager_for(proxy, **proxy_kwargs)
        manager = super().proxy_manager_for(
            proxy, ssl_context=self._context, blocksize=_BLOCK_BYTES, **proxy_kwargs
        )
        manager.pool_classes_by_scheme = _pools(self._sockets)
        return manager

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing to add: reading certifi's file again for each connection takes 0.1 s."""

    def drop_cut_short(self) -> None:
        """Close connections with a half-sent request: nothing else may go over them."""
        self._sockets.drop_cut_short()

    def break_off(self) -> None:
        """Break the connections there are now; later calls make new ones."""
        self._sockets.break_off()

    def end(self) -> None:
        """Break every connection, now and those still to be made."""
        self._sockets.end()


def _pools(sockets: _Sockets) -> dict[str, type[urllib3.connectionpool.HTTPConnectionPool]]:
    class Plain(urllib3.connection.HTTPConnection):
        response_class = WholeHeadResponse
        cut_short = False

        def connect(self) -> None:
            super().connect()
            self.cut_short = False
            sockets.add(self)

        def send(self, data: Any) -> None:
            if self.sock is not None and wait_for_read(self.sock, timeout=0):
                # urllib3 takes a broken pipe as "an answer came early" and reads it.
                self.cut_short = True
                raise BrokenPipeError(errno.EPIPE, "the server answered before the end")
            super().send(data)

    class Secure(urllib3.connection.HTTPSConnection):
        response_class = WholeHeadResponse

        def connect(self) -> None:
            super().connect()
            sockets.add(self)

    class PlainPool(urllib3.connectionpool.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.connectionpool.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def reason_of(error: BaseException) -> str:
    """What went wrong on the network, in words for an operator and without addresses."""
    chain = list(_causes(error))
    if any(isinstance(each, urllib3.exceptions.ProxyError) for each in chain):
        return proxy_words(error)
    for cause in chain:
        match cause:
            case requests.ConnectTimeout():
                return "timed out while connecting"
            case TimeoutError() | requests.Timeout():
                return "timed out waiting for the studio"
    return why_failed(error, STUDIO)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """``error`` and what lies under it, outermost first but for requests' own wrappers."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = (current.__cause__, current.__context__, getattr(current, "reason", None))
        waiting += [found for found in (*inner, *current.args) if isinstance(found, BaseException)]
