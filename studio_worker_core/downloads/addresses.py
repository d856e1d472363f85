"""Which addresses may be fetched from, decided on the address that is connected to.

A name is looked up once, every address it has is judged, and the socket goes to a judged
address: what a name server answers later cannot change where the bytes come from.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from studio_worker_core.downloads.transfers import Interrupted
from studio_worker_core.errors import SourceRefused
from studio_worker_core.network.loopback import is_loopback_host

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
AddressClass = Literal["public", "loopback", "private", "forbidden"]
Resolver = Callable[[str, int], Sequence[str]]
"""Host and port → IP addresses. Raises OSError when the name is unknown."""

_SHARED = ipaddress.ip_network("100.64.0.0/10")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_SITE_LOCAL = ipaddress.ip_network("fec0::/10")
_METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("169.254.169.254", "169.254.170.2", "fd00:ec2::254")
)


class AddressPolicy(Struct, frozen=True):
    """What one fetch may connect to."""

    allow_loopback: bool = False
    allow_private: bool = False
    """Also local networks: RFC 1918, unique local, link-local, carrier-grade NAT."""
    trusted_origin: tuple[str, str, int] | None = None
    """Scheme, host and port that the worker talks to anyway (its studio): any address."""
    may_use_proxy: bool = False
    """Whether a proxy of the environment may be asked; it looks names up itself."""

    def reason_against(self, url: SplitResult, text: str) -> str | None:
        """Why ``text`` (an IP address) may not be connected to for ``url``; None if it may."""
        kind = address_class(text)
        if self.trusted_origin is not None and origin(url) == self.trusted_origin:
            return None if kind != "forbidden" else "it is not an address of a server"
        if kind == "forbidden":
            return "it is not an address of a public server"
        if kind == "loopback" and not self.allow_loopback:
            return "it is this machine itself"
        if kind == "private" and not self.allow_private:
            return "it is in a private network; set allow_private under [inputs] to permit that"
        if kind == "public" and url.scheme != "https":
            return "plain http is for this machine only; use https"
        if kind == "private" and url.scheme != "https" and not self.allow_private:
            return "plain http is for this machine only; use https"
        return None


def address_class(text: str) -> AddressClass:
    """What kind of address ``text`` is. IPv4 inside IPv6 is judged as that IPv4 address."""
    try:
        address = _unwrapped(ipaddress.ip_address(text))
    except ValueError:
        return "forbidden"
    if address in _METADATA or address.is_multicast or address.is_unspecified:
        return "forbidden"
    if address.is_loopback:
        return "loopback"
    if address.version == 4:
        if address in _SHARED or address.is_link_local:
            return "private"
    elif address in _SITE_LOCAL or address in _NAT64_LOCAL or address.is_link_local:
        return "private"
    if address.is_global and not address.is_reserved:
        return "public"
    return "private" if _is_local_network(address) else "forbidden"


def _is_local_network(address: Address) -> bool:
    networks = (
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16") if address.version == 4 else ("fc00::/7",)
    )
    return any(address in ipaddress.ip_network(network) for network in networks)


def _unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    high, low = int(address) >> 32, int(address) & 0xFFFFFFFF
    if high == 0 and low > 1:  # IPv4-compatible, long deprecated
        return ipaddress.IPv4Address(low)
    return address


def check_url(url: str, policy: AddressPolicy) -> SplitResult:
    """``url`` split, once it is one that may be fetched as far as its text tells.

    Raises:
        SourceRefused: another scheme, no host, credentials in it, an address that
            ``policy`` forbids, or plain http where https is needed.
    """
    shown = shown_url(url)
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname
    except ValueError as error:
        raise SourceRefused(f"{shown} is not a URL: {error}", what=shown) from None
    if parts.scheme not in ("http", "https"):
        scheme = parts.scheme[:20] or "no scheme"
        raise SourceRefused(f"{shown} is refused: only https is allowed, not {scheme}", what=shown)
    if not host or port == 0 or any(char <= " " or char == "\x7f" for char in url):
        raise SourceRefused(f"{shown} is not a usable URL", what=shown)
    if parts.username is not None or parts.password is not None:
        raise SourceRefused(f"{shown} is refused: a user name in the URL", what=shown)
    literal = _literal(host)
    reason = policy.reason_against(parts, literal) if literal is not None else None
    if literal is None and parts.scheme == "http" and not _may_be_plain(parts, policy):
        reason = "plain http is for this machine only; use https"
    if reason is not None:
        raise SourceRefused(f"{shown} is refused: {reason}", what=shown)
    return parts


def _may_be_plain(parts: SplitResult, policy: AddressPolicy) -> bool:
    if policy.trusted_origin is not None and origin(parts) == policy.trusted_origin:
        return True
    if policy.allow_private:
        return True
    return policy.allow_loopback and is_loopback_host(parts.hostname or "")


def _literal(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def origin(parts: SplitResult) -> tuple[str, str, int]:
    """Scheme, host and port with the scheme's default filled in."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, (parts.hostname or "").rstrip(".").lower(), port


def shown_url(url: str) -> str:
    """``url`` for a log or an error: no query, no credentials, not long."""
    bare = url.split("?", 1)[0].split("#", 1)[0]
    scheme, found, rest = bare.partition("://")
    if found:
        authority, slash, path = rest.partition("/")
        bare = f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
    elif bare.lower().startswith("data:"):
        bare = bare.split(",", 1)[0]
    printable = "".join(char if char.isprintable() else "?" for char in bare)
    return printable if len(printable) <= 200 else f"{printable[:197]}..."


def system_resolver(host: str, port: int) -> list[str]:
    """Every address of ``host``, as the operating system orders them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolve(
    parts: SplitResult, policy: AddressPolicy, resolver: Resolver = system_resolver
) -> list[str]:
    """The addresses of the host of ``parts``, all of them permitted.

    One forbidden address among them refuses the name: it is how a name is made to point
    inside a network.

    Raises:
        SourceRefused: an address is forbidden by ``policy``.
        Interrupted: the name has no address.
    """
    host = parts.hostname or ""
    shown = shown_url(parts.geturl())
    try:
        addresses = list(resolver(host, origin(parts)[2]))
    except (OSError, UnicodeError) as error:
        raise Interrupted(f"{shown}: {_lookup_words(host, error)}", what=shown) from None
    if not addresses:
        raise Interrupted(f"{shown}: {host} has no address", what=shown)
    for address in addresses:
        reason = policy.reason_against(parts, address)
        if reason is not None:
            raise SourceRefused(f"{shown} is refused: {host} is {address}: {reason}", what=shown)
    return addresses


def _lookup_words(host: str, error: Exception) -> str:
    """Why ``host`` has no address."""
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return f"cannot look up {host} now; is this machine online?"
    if isinstance(error, UnicodeError):
        return f"{host} cannot be the name of a server"
    return f"cannot look up {host}; is the address right, and is this machine online?"
