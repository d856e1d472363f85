"""Connections that go to the addresses that were judged, and nowhere else."""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from studio_worker_core.downloads.addresses import origin
from studio_worker_core.downloads.transfers import HungUp, TransferLine

_Dial = Callable[[float | None], socket.socket]


def guarded_pool(
    parts: SplitResult, addresses: Sequence[str], line: TransferLine, tls: Mapping[str, Any]
) -> urllib3.HTTPConnectionPool:
    """A pool for the origin of ``parts`` whose sockets go to ``addresses`` and hang on
    ``line``; Host header, SNI and the verified name stay those of the URL."""
    dial = functools.partial(_dial, addresses, origin(parts)[2], line)
    host = (parts.hostname or "").encode("idna").decode("ascii")
    pool: urllib3.HTTPConnectionPool
    if parts.scheme == "https":
        pool = urllib3.HTTPSConnectionPool(host, parts.port, maxsize=1, **tls)
        pool.ConnectionCls = functools.partial(_TlsConnection, dial, line)  # type: ignore[assignment]
    else:
        pool = urllib3.HTTPConnectionPool(host, parts.port, maxsize=1)
        pool.ConnectionCls = functools.partial(_PlainConnection, dial, line)  # type: ignore[assignment]
    return pool


def _dial(
    addresses: Sequence[str], port: int, line: TransferLine, timeout: float | None
) -> socket.socket:
    """A connection to the first of the judged addresses that takes it."""
    failure: OSError | None = None
    for address in addresses[:8]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.attach(sock)
            sock.connect((address, port))
        except OSError as error:
            line.detach(sock)
            sock.close()
            failure = error
        except HungUp:
            sock.close()
            raise
        else:
            return sock
    raise failure or OSError("no address")


class _PlainConnection(HTTPConnection):
    """Connects through ``dial`` instead of looking the host up again."""

    def __init__(self, dial: _Dial, line: TransferLine, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dial = dial
        self._line = line

    def _new_conn(self) -> socket.socket:
        timeout = self.timeout if isinstance(self.timeout, int | float) else None
        return self._dial(timeout)

    def close(self) -> None:
        if self.sock is not None:
            self._line.detach(self.sock)
        super().close()


class _TlsConnection(_PlainConnection, HTTPSConnection):
    """The same over TLS; the name in the URL is still the one that is verified."""

    def connect(self) -> None:
        super().connect()
        if self.sock is not None:
            self._line.attach(self.sock)
