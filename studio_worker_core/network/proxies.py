"""Proxies that the environment names."""

from __future__ import annotations

import urllib.request
from urllib.parse import SplitResult, urlsplit

LOGIN_WORDS = (
    "the proxy wants a login; put it into HTTPS_PROXY or HTTP_PROXY as "
    "http://user:password@host:port"
)


class UnusableProxy(Exception):
    """The environment names a proxy of a kind that cannot be used (``variable``)."""

    def __init__(self, variable: str, message: str) -> None:
        super().__init__(message)
        self.variable = variable


def named_proxy(parts: SplitResult) -> SplitResult | None:
    """The proxy to ask for ``parts`` (http or https); None to go there directly.

    Raises:
        UnusableProxy: it is of a kind that cannot be used.
    """
    host = parts.hostname or ""
    if urllib.request.proxy_bypass(host):
        return None
    named = urllib.request.getproxies()
    text = named.get(parts.scheme) or named.get("all")
    if not text:
        return None
    variable = f"{parts.scheme}_proxy" if named.get(parts.scheme) else "all_proxy"
    try:
        proxy = urlsplit(text if "://" in text else f"http://{text}")
        known = bool(proxy.hostname) and (proxy.port is None or proxy.port > 0)
    except ValueError:
        known = False
    if not known:
        raise UnusableProxy(
            variable, f"{variable} is no address of a proxy; write it as http://host:port"
        )
    if proxy.scheme not in ("http", "https"):
        raise UnusableProxy(
            variable,
            f"{variable} names a {proxy.scheme[:20]} proxy, and only http and https proxies can "
            f"be used; set {variable} to one of those, or add {host} to no_proxy",
        )
    return proxy
