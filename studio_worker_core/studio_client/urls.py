"""Addresses of a studio (protocol §1)."""

from __future__ import annotations

import ipaddress
from urllib.parse import quote, urlsplit, urlunsplit

from studio_worker_core.errors import ConfigError

__all__ = ["API_PREFIX", "api_url", "connect_url", "is_loopback", "normalise_base_url"]

API_PREFIX = "/graphics/api"


def normalise_base_url(value: str) -> str:
    """The studio's root without query, fragment, trailing slashes and API prefix.

    An outer mount stays: ``https://host/custom/graphics/api`` gives ``https://host/custom``.

    Raises:
        ConfigError: ``value`` is no absolute http(s) URL, or carries a user name.
    """
    try:
        parts = urlsplit(value.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _unusable(value) from None
    unclean = any(ord(c) <= 32 or ord(c) == 127 or c == "\\" for c in value.strip())
    if parts.scheme not in ("http", "https") or not host or unclean or port == 0:
        raise _unusable(value)
    if "@" in parts.netloc:
        # The value itself is not repeated: it holds somebody's password.
        raise ConfigError(
            "api_base_url must not carry a user name or password; "
            "a worker is let in by registration alone",
            key="api_base_url",
        )
    path = parts.path.rstrip("/")
    if path.endswith(API_PREFIX):
        path = path.removesuffix(API_PREFIX).rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc.lower(), path, "", ""))


def api_url(base: str, *segments: str) -> str:
    """Address of an endpoint; every segment is one path component and is escaped.

    ``api_url(base, "workers", worker_id, "connect")``.
    """
    path = "/".join(_escaped(segment) for segment in segments)
    return f"{base}{API_PREFIX}/{path}"


def connect_url(base: str, worker_id: str) -> str:
    """Address of a worker's WebSocket: the same base with ``ws``/``wss``."""
    scheme, rest = api_url(base, "workers", worker_id, "connect").split(":", 1)
    return f"{'wss' if scheme == 'https' else 'ws'}:{rest}"


def is_loopback(url: str) -> bool:
    """Whether the host of ``url`` is this machine by its very name, without a look-up."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _escaped(segment: str) -> str:
    # '.' and '..' survive quoting and would climb out of the path.
    return segment.replace(".", "%2E") if segment in (".", "..") else quote(segment, safe="")


def _unusable(value: str) -> ConfigError:
    return ConfigError(
        f"api_base_url {value!r} is not an absolute http or https URL; "
        "set it with 'studio-worker config set api_base_url https://studio.example/'",
        key="api_base_url",
    )
