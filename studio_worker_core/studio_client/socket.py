"""Opening the WebSocket of a session (protocol §1, §3)."""

from __future__ import annotations

import errno
import logging
import os
import socket
import time
from typing import Any
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
    ProxyError,
)
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from studio_worker_core.errors import SessionRefused, StudioError, TransportError
from studio_worker_core.foreign_text import quoted
from studio_worker_core.network.proxies import LOGIN_WORDS
from studio_worker_core.network.tls import client_context
from studio_worker_core.network.words import proxy_refused_words, proxy_words
from studio_worker_core.retrying import Asking, is_transient_status, retry_after_seconds
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.headers import USER_AGENT, bearer
from studio_worker_core.studio_client.strangers import (
    proxy_of,
    redirection,
    status_error,
)
from studio_worker_core.studio_client.transport import reason_of
from studio_worker_core.studio_client.urls import connect_url
from studio_worker_core.wire.bounds import MAX_FRAME_BYTES
from studio_worker_core.wire.frames import SUBPROTOCOL

CONNECT_SECONDS = 15.0
"""TCP, TLS and upgrade together (protocol §1)."""

_UNSENT_SECONDS = 20.0
_CLOSE_SECONDS = 2.0
_OP = "connect"

_log = logging.getLogger("studio_worker.socket")

# The library's own logger would print headers and frames, tokens included, at DEBUG.
_library_log = logging.getLogger("studio_worker.socket.library")
_library_log.setLevel(logging.WARNING)


def open_socket(
    base_url: str, worker_id: str, token: Secret, *, timeout: float = CONNECT_SECONDS
) -> ClientConnection:
    """An open WebSocket to the studio; the caller closes it.

    Frames are limited to 16 MiB, compression is off. There are no keepalive pings: the
    heartbeats of the session do that work. On Linux a connection whose data stays
    unacknowledged for 20 s ends by itself, a blocked ``send`` with it.

    Raises:
        SessionRefused: HTTP 401, the token is not valid any more (``auth_failed``);
            HTTP 404, it has deleted this worker (``worker_deleted``).
        HttpStatusError: any other answer but an upgrade.
        TransportError: no answer within ``timeout`` seconds, or none that makes sense.
        ConfigError: the base URL or the token cannot be used.
    """
    url = connect_url(base_url, worker_id)
    authorization = bearer(token)
    started = time.monotonic()
    deadline = started + timeout
    try:
        tls = client_context() if url.startswith("wss:") else None
        proxy = proxy_of(_OP, url)
        direct = _direct(url, deadline) if proxy is None else None
        opened = connect(
            url,
            sock=direct,
            proxy=proxy,
            ssl=tls,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            additional_headers={"Authorization": authorization},
            user_agent_header=USER_AGENT,
            open_timeout=max(deadline - time.monotonic(), 0.001),
            ping_interval=None,
            close_timeout=_CLOSE_SECONDS,
            max_size=MAX_FRAME_BYTES,
            logger=_library_log,
            create_connection=_Connection,
        )
        # Entering says that somebody owns the connection: the session, which closes it.
        connection: ClientConnection = opened.__enter__()
    except StudioError:
        raise
    except TimeoutError:
        raise TransportError(_OP, f"not connected within {timeout:g} s") from None
    except (OSError, InvalidHandshake, InvalidURI, ValueError) as error:
        raise TransportError(_OP, quoted(_words(error, proxied=proxy is not None))) from None
    if connection.subprotocol is None:
        _log.warning("the studio did not confirm the sub-protocol %s; going on", SUBPROTOCOL)
    elapsed_ms = round((time.monotonic() - started) * 1000, 1)
    extra = {"op": _OP, "status": 101, "elapsed_ms": elapsed_ms, "endpoint": url}
    _log.debug("connected", extra=extra)
    return connection


class _Protocol(ClientProtocol):
    """Takes an HTTP/1.0 answer for what it is: what a studio, or a server in front of it,
    refuses that way is refused. The library takes it for no answer at all.
    """

    _OLD = b"HTTP/1.0 "
    _begun = False
    _first = b""
    """The beginning of the answer while it may still become :attr:`_OLD`."""

    def receive_data(self, data: bytes | bytearray) -> None:
        if not self._begun:
            data = self._first + bytes(data)
            if len(data) < len(self._OLD) and self._OLD.startswith(data):
                self._first = data
                return
            self._begun, self._first = True, b""
            if data.startswith(self._OLD):
                data = b"HTTP/1.1 " + data.removeprefix(self._OLD)
        super().receive_data(data)

    def receive_eof(self) -> None:
        first, self._first = self._first, b""
        if first:
            super().receive_data(first)
        super().receive_eof()


class _Connection(ClientConnection):
    """Turns every answer but an upgrade into our errors.

    That includes redirects: the library would follow one, and ``hello`` would then carry
    the token to another host. The socket's options are set before anything is sent: a
    studio may have closed it by the time that the handshake returns.
    """

    def __init__(self, sock: socket.socket, protocol: ClientProtocol, **kwargs: Any) -> None:
        _limit_unsent(sock)
        super().__init__(sock, _protocol_like(protocol), **kwargs)

    def handshake(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().handshake(*args, **kwargs)
        except InvalidStatus as error:
            raise _refusal(error, self.protocol.uri.host) from None
        except ConnectionClosed:
            # It ended between the connect and the request; the library takes that for a session.
            raise TransportError(_OP, "the studio cut the connection") from None


def _protocol_like(protocol: ClientProtocol) -> _Protocol:
    """Ours in place of the one the library made, which offers no way to choose its class."""
    return _Protocol(
        protocol.uri,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        max_size=MAX_FRAME_BYTES,
        logger=_library_log,
    )


def _words(error: Exception, *, proxied: bool) -> str:
    match error:
        case InvalidProxyStatus(response=answer) if answer.status_code == 407:
            return LOGIN_WORDS
        case InvalidProxyStatus(response=answer):
            return proxy_refused_words(str(answer.status_code))
        case ProxyError():
            return proxy_words(error)
        # Once the proxy is reached, it is the proxy that says what is wrong behind it.
        case ConnectionRefusedError() | socket.gaierror() if proxied:
            return proxy_words(error)
        case InvalidHandshake() if not isinstance(error, InvalidMessage):
            return f"the server opens no proper WebSocket ({error}); is api_base_url a studio's?"
    return reason_of(error)


def _refusal(error: InvalidStatus, host: str) -> StudioError:
    response = error.response
    status, body = response.status_code, bytes(response.body or b"")
    media_type = response.headers.get("Content-Type", "")
    if not is_transient_status(status, Asking.SESSION):
        return _refused_for_good(status)
    if 300 <= status < 400:
        return redirection(_OP, status, host, response.headers.get("Location", ""))
    if 200 <= status < 300:
        return TransportError(_OP, "the server opens no WebSocket; is api_base_url a studio's?")
    retry_after = retry_after_seconds(response.headers.get("Retry-After"))
    return status_error(_OP, status, media_type, body, retry_after=retry_after)


def _refused_for_good(status: int) -> SessionRefused:
    if status == 401:
        return SessionRefused(
            "auth_failed",
            "the studio does not accept this worker's token any more (401); "
            "run 'studio-worker register --reset' to register again",
        )
    return SessionRefused("worker_deleted", f"the studio no longer knows this worker ({status})")


def _direct(url: str, deadline: float) -> socket.socket:
    """A TCP connection to the first address that answers, all within the deadline."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    addresses = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    failure: OSError = TimeoutError()
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sock = socket.socket(family, kind, protocol)
        try:
            # A share each, so that one dead address does not cost the others their turn.
            sock.settimeout(left / (len(addresses) - tried))
            sock.connect(address)
            refuse_own_port(sock)
            sock.settimeout(None)
            return sock
        except OSError as error:
            sock.close()
            failure = error
    raise failure


def refuse_own_port(sock: socket.socket) -> None:
    """Raise ConnectionRefusedError for a socket that is connected to itself.

    Where nobody listens on a local port, the system may lend us that very port for our end;
    we would talk to ourselves, and keep the studio from coming back on its port.
    """
    if sock.getsockname() == sock.getpeername():
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


def _limit_unsent(sock: socket.socket) -> None:
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, option, int(_UNSENT_SECONDS * 1000))
