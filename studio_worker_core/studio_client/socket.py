"""Opening the WebSocket of a session (protocol §1, §3)."""

from __future__ import annotations

import errno
import logging
import os
import socket
import time
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.proxy import get_proxy
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from studio_worker_core.errors import HttpStatusError, SessionRefused, TransportError
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.http import (
    USER_AGENT,
    bearer,
    printable,
    retry_after_seconds,
)
from studio_worker_core.studio_client.tls import client_context
from studio_worker_core.studio_client.transport import reason_of
from studio_worker_core.studio_client.urls import connect_url, is_loopback
from studio_worker_core.wire.bounds import MAX_FRAME_BYTES
from studio_worker_core.wire.frames import SUBPROTOCOL

__all__ = ["CONNECT_SECONDS", "open_socket", "refuse_own_port"]

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
        SessionRefused: HTTP 401, the token is not valid any more (``auth_failed``).
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
        proxy = None if is_loopback(url) else get_proxy(parse_uri(url))
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
    except (HttpStatusError, SessionRefused):
        raise
    except TimeoutError:
        raise TransportError(_OP, f"not connected within {timeout:g} s") from None
    except (OSError, InvalidHandshake, InvalidURI, ValueError) as error:
        raise TransportError(_OP, printable(reason_of(error))) from None
    if connection.subprotocol is None:
        _log.warning("the studio did not confirm the sub-protocol %s; going on", SUBPROTOCOL)
    extra = {
        "op": _OP,
        "status": 101,
        "elapsed_ms": round((time.monotonic() - started) * 1000, 1),
        "endpoint": url,
    }
    _log.debug("connected", extra=extra)
    return connection


class _Connection(ClientConnection):
    """Turns every answer but an upgrade into our errors.

    That includes redirects: the library would follow one, and ``hello`` would then carry
    the token to another host. The socket's options are set before anything is sent: a
    studio may have closed it by the time that the handshake returns.
    """

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        _limit_unsent(sock)
        super().__init__(sock, *args, **kwargs)

    def handshake(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().handshake(*args, **kwargs)
        except InvalidStatus as error:
            raise _refusal(error) from None


def _refusal(error: InvalidStatus) -> HttpStatusError | SessionRefused | TransportError:
    response = error.response
    if response.status_code == 401:
        return SessionRefused(
            "auth_failed",
            "the studio does not accept this worker's token any more (401); "
            "run 'studio-worker register --reset' to register again",
        )
    if 300 <= response.status_code < 400:
        return TransportError(
            _OP,
            f"the studio redirects ({response.status_code}), which is not followed; "
            "set api_base_url to the final address",
        )
    body = (response.body or b"")[:65536].decode("utf-8", errors="replace")
    retry_after = retry_after_seconds(response.headers.get("Retry-After"))
    return HttpStatusError(_OP, response.status_code, printable(body), retry_after=retry_after)


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
