"""The local API for other machines: by an explicit setting alone, at a port of its own.

The loopback port stays as it is, so that what this machine's programs rely on does not change
with it.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import ssl
from pathlib import Path

from studio_worker_core.config import ApiSettings
from studio_worker_core.errors import ConfigError
from studio_worker_core.local_api.listening import Lan, bound

_log = logging.getLogger("studio_worker.local_api")
_BEYOND = ("192.0.2.1", 9)
"""An address nobody has; nothing is sent to it, the system says only which way it would go."""


def open_lan(api: ApiSettings, directory: Path) -> Lan | None:
    """Listen as the settings say; None when they do not.

    :param directory: that of the config; relative paths begin there, and a certificate that is
        made lies there.

    Raises:
        ConfigError: the address, the certificate or its key cannot be used.
    """
    if not api.listen:
        return None
    address = _address(api.listen)
    tls = _context(api, directory)
    try:
        listener = bound(str(address), api.listen_port)
    except OSError as error:
        raise ConfigError(
            f"other machines are not answered: {api.listen} port {api.listen_port} cannot be "
            f"listened at: {error.strerror or error} (api.listen, api.listen_port)"
        ) from error
    if tls is None:
        _log.warning(
            "other machines are answered at %s without TLS: whoever is on the way reads the "
            "token and all that is said; set api.tls_cert and api.tls_key, or "
            "api.tls_self_signed",
            url_for_others(api),
        )
    else:
        _log.info("other machines are answered at %s", url_for_others(api))
    return Lan(listener, tls)


def url_for_others(api: ApiSettings) -> str:
    """How other machines call this one: by the first of ``api.hosts``, else by its address."""
    has_tls = api.tls_self_signed or api.tls_cert is not None
    named = api.hosts[0] if api.hosts else _address_of(api)
    name = named or _own_address()
    shown = f"[{name}]" if ":" in name else name
    return f"{'https' if has_tls else 'http'}://{shown}:{api.listen_port}"


def _address(listen: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        address = ipaddress.ip_address(listen)
    except ValueError:
        raise ConfigError(
            f"api.listen: {listen[:80]!r} is no address; give one of this machine's, or 0.0.0.0 "
            "for all of them"
        ) from None
    if address.is_loopback:
        raise ConfigError(
            f"api.listen: {listen} is this machine alone, which is answered anyway; leave it out"
        )
    return address


def _address_of(api: ApiSettings) -> str:
    """The one address in the settings; empty where they mean all of them."""
    listen = api.listen or ""
    try:
        return "" if ipaddress.ip_address(listen).is_unspecified else listen
    except ValueError:
        return listen


def _own_address() -> str:
    """This machine's address on the way to others; its name where there is no such way."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            way.connect(_BEYOND)
            return str(way.getsockname()[0])
    except OSError:
        return socket.gethostname()


def _context(api: ApiSettings, directory: Path) -> ssl.SSLContext | None:
    cert, key = api.tls_cert, api.tls_key
    if cert is None and key is None:
        if not api.tls_self_signed:
            return None
        from studio_worker_core.local_api.certificate import self_signed

        cert, key = self_signed(directory, filter(None, [*api.hosts, _address_of(api)]))
    if cert is None or key is None:
        raise ConfigError("TLS needs both api.tls_cert and api.tls_key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(directory / cert, directory / key, password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"TLS cannot be spoken with {directory / cert} and {directory / key}: {error} "
            "(api.tls_cert, api.tls_key)"
        ) from error
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted; give one that is not")
