"""Proxies that the environment names, and connections through them."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, unquote

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from studio_worker_core.downloads.transfers import TransferLine
from studio_worker_core.errors import DownloadFailed
from studio_worker_core.network.loopback import is_loopback_host
from studio_worker_core.network.proxies import UnusableProxy, named_proxy


def proxy_for(parts: SplitResult) -> SplitResult | None:
    """The proxy to ask for ``parts``; None to go there directly.

    Raises:
        DownloadFailed: the environment names one of a kind that cannot be used.
    """
    if is_loopback_host(parts.hostname or ""):
        return None
    try:
        return named_proxy(parts)
    except UnusableProxy as error:
        raise DownloadFailed(str(error), what=error.variable) from None


def proxied(proxy: SplitResult, line: TransferLine, tls: Mapping[str, Any]) -> urllib3.ProxyManager:
    """Connections through ``proxy``, with the login in its address, that hang on ``line``."""
    host = f"[{proxy.hostname}]" if ":" in (proxy.hostname or "") else proxy.hostname
    port = f":{proxy.port}" if proxy.port is not None else ""
    headers = None
    if proxy.username is not None:
        login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        headers = urllib3.make_headers(proxy_basic_auth=login)
    manager = urllib3.ProxyManager(
        f"{proxy.scheme}://{host}{port}",
        proxy_headers=headers,
        proxy_ssl_context=tls["ssl_context"],
        **tls,
    )
    plain, secure = _connections(line)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = secure

    manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return manager


def _connections(line: TransferLine) -> tuple[type[HTTPConnection], type[HTTPSConnection]]:
    """Connection classes whose sockets are shut down with ``line``."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _attached(super()._new_conn(), line)

        def close(self) -> None:
            if self.sock is not None:
                line.detach(self.sock)
            super().close()

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _attached(super()._new_conn(), line)

        def connect(self) -> None:
            super().connect()
            if self.sock is not None:
                line.attach(self.sock)

        def close(self) -> None:
            if self.sock is not None:
                line.detach(self.sock)
            super().close()

    return Plain, Secure


def _attached(sock: socket.socket, line: TransferLine) -> socket.socket:
    line.attach(sock)
    return sock
