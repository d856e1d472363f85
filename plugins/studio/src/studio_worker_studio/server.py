"""Serving a studio: the socket, uvicorn, signals and the line that says where."""

from __future__ import annotations

import contextlib
import ipaddress
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any

import uvicorn

from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.network.loopback import is_loopback_host
from studio_worker_studio.app import build_app
from studio_worker_studio.doorkeeper import Doorkeeper, GuardedHttp, GuardedWebSocket
from studio_worker_studio.errors import CannotListen
from studio_worker_studio.studio import Studio

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one.

    Raises:
        CannotListen: the port is taken, or the address is not ours.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError, OverflowError) as error:
        raise CannotListen(host, port, _reason(error)) from None
    try:
        if sys.platform != "win32":  # there it would let two servers share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(2048)
    except OSError as error:
        bound.close()
        raise CannotListen(host, port, _reason(error)) from None
    return bound


def is_loopback(bound: socket.socket) -> bool:
    """Whether only this machine can reach the socket."""
    return is_loopback_host(bound.getsockname()[0])


def url_of(bound: socket.socket) -> str:
    """The address to give to workers and commands on this machine."""
    host, port = bound.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - compared only
    return f"http://{f'[{shown}]' if ':' in shown and '[' not in shown else shown}:{port}/"


def reachable_urls(bound: socket.socket) -> list[str]:
    """The addresses at which other machines may reach the socket, as far as this one knows them;
    empty when none can."""
    host, port = bound.getsockname()[:2]
    own = ipaddress.ip_address(host.partition("%")[0])
    if own.is_loopback:
        return []
    found = [own] if not own.is_unspecified else _own_addresses(bound.family)
    shown = [f"[{address}]" if address.version == 6 else str(address) for address in found]
    return [f"http://{host}:{port}/" for host in shown]


def _own_addresses(family: int) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """This machine's addresses: those its name stands for, and those it would send from."""
    names: list[str] = []
    with contextlib.suppress(OSError, UnicodeError):
        infos = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)
        names += [str(info[4][0]) for info in infos]
    # Addresses for documentation: connecting a datagram socket sends nothing.
    for kind, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with contextlib.suppress(OSError), socket.socket(kind, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            names.append(probe.getsockname()[0])
    found = {ipaddress.ip_address(name.partition("%")[0]) for name in names}
    wanted = {4} if family == socket.AF_INET else {4, 6}
    usable = [a for a in found if a.version in wanted and not (a.is_loopback or a.is_link_local)]
    return sorted(usable, key=lambda a: (a.version, int(a)))


class StudioServer(uvicorn.Server):
    """uvicorn around one studio. Ends with exit code 0 on SIGTERM and SIGINT, after telling
    workers to come back later; a second signal does not wait for them."""

    def __init__(
        self, studio: Studio, *, on_started: Callable[[], None] = lambda: None, **options: Any
    ) -> None:
        settings = studio.settings
        doorkeeper = Doorkeeper(settings.max_connections_per_address)
        super().__init__(
            uvicorn.Config(
                build_app(studio),
                # uvicorn takes classes, and only ever calls them.
                http=partial(  # type: ignore[arg-type]
                    GuardedHttp, doorkeeper=doorkeeper, head_seconds=settings.head_seconds
                ),
                ws=GuardedWebSocket,
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=list(settings.trusted_proxies),
                ws_max_size=studio.settings.max_body_bytes,
                ws_per_message_deflate=False,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=10,
                **options,
            )
        )
        self._studio = studio
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so.

        Raises:
            StudioWorkerError: the studio cannot start.
        """
        # Ahead of the lifespan, whose failures uvicorn tells as a traceback.
        try:
            await self._studio.start()
        except StudioWorkerError:
            self._studio.close()
            raise
        await super().startup(sockets=sockets)
        if self.started:
            self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let workers and listeners go first: uvicorn would cut them off without a reason."""
        await self._studio.farewell()
        await super().shutdown(sockets=sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals; unlike uvicorn's own, do not raise them again at the end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: stop in good order. Second: at once."""
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
