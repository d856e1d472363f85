"""One GET over a guarded connection: redirects by hand, each hop judged anew."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3

from studio_worker_core import __version__
from studio_worker_core.downloads.addresses import (
    AddressPolicy,
    Resolver,
    check_url,
    shown_url,
    system_resolver,
)
from studio_worker_core.downloads.connections import guarded_pool
from studio_worker_core.downloads.hub import HubToken
from studio_worker_core.downloads.lookups import resolve_on
from studio_worker_core.downloads.mishaps import as_errors
from studio_worker_core.downloads.proxies import proxied, proxy_for
from studio_worker_core.downloads.transfers import TransferLine
from studio_worker_core.errors import ConfigError, DownloadFailed, SourceRefused
from studio_worker_core.network.tls import client_context

Response = urllib3.response.BaseHTTPResponse

_MOST_HOPS = 8
_REDIRECTS = (301, 302, 303, 307, 308)


class Fetcher:
    """Makes GET requests. ``verify`` is a CA bundle in place of the usual
    authorities (:func:`.client_context`).

    ``connect_seconds`` bounds each connection, ``stall_seconds`` each wait for more bytes and
    ``answer_seconds`` each hop from the look-up of its name to the end of its headers.
    """

    def __init__(
        self,
        *,
        connect_seconds: float = 10.0,
        stall_seconds: float = 30.0,
        answer_seconds: float = 60.0,
        verify: Path | None = None,
        resolver: Resolver = system_resolver,
        token: HubToken | None = None,
    ) -> None:
        self._timeout = urllib3.Timeout(connect=connect_seconds, read=stall_seconds)
        self._answer_seconds = answer_seconds
        self._verify = verify
        self._resolver = resolver
        self._token = token

    def sends_token_to(self, url: str) -> bool:
        """Whether a request to ``url`` carries the hub's token."""
        return self._token is not None and bool(self._token.headers_for(urlsplit(url)))

    @contextlib.contextmanager
    def open(
        self,
        url: str,
        policy: AddressPolicy,
        line: TransferLine,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[Response]:
        """The answer to a GET, its body not read yet; redirects are followed.

        Raises:
            SourceRefused: an address or a redirect is forbidden.
            Interrupted: no connection, or it broke; also while the body is read inside.
            DownloadFailed: the certificate is not valid, too many redirects, a proxy that
                cannot be used.
            HungUp: the line was hung up.
        """
        shown = shown_url(url)
        line.lift()
        with as_errors(shown, line):
            for _ in range(_MOST_HOPS):
                parts = check_url(url, policy)
                seconds = self._answer_seconds
                line.allow(seconds, f"{shown}: the server gave no answer within {seconds:g} s")
                with self._get(parts, policy, line, headers or {}) as response:
                    location = response.headers.get("Location")
                    if response.status not in _REDIRECTS or location is None:
                        line.allow(None)
                        yield response
                        return
                url = self._next(url, location, shown)
        raise DownloadFailed(f"{shown} redirects more than {_MOST_HOPS} times", what=shown)

    def _next(self, url: str, location: str, shown: str) -> str:
        try:
            target = urljoin(url, location)
        except ValueError:
            raise SourceRefused(f"{shown} redirects to no URL", what=shown) from None
        if url.startswith("https:") and target.startswith("http:"):
            raise SourceRefused(
                f"{shown} redirects from https to plain http ({shown_url(target)})", what=shown
            )
        return target

    @contextlib.contextmanager
    def _get(
        self,
        parts: SplitResult,
        policy: AddressPolicy,
        line: TransferLine,
        headers: Mapping[str, str],
    ) -> Iterator[Response]:
        line.check()
        sent = {
            "User-Agent": f"studio-worker/{__version__}",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            **headers,
        }
        if self._token is not None:
            sent |= self._token.headers_for(parts)
        with contextlib.ExitStack() as stack:
            pool = self._pool(parts, policy, line, stack)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            if isinstance(pool, urllib3.ProxyManager):
                target = parts._replace(fragment="").geturl()
            response = pool.urlopen(
                "GET",
                target,
                headers=sent,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=self._timeout,
            )
            stack.callback(response.close)
            yield response

    def _trust(self) -> ssl.SSLContext:
        if self._verify is not None:
            return ssl.create_default_context(cafile=self._verify)
        named = os.environ.get("SSL_CERT_FILE")
        try:
            # One that is not there is left out in silence, and every server then refused.
            if named and not Path(named).exists():
                raise ConfigError(
                    f"SSL_CERT_FILE names {named}, and there is no such file of certificates; "
                    "mend the variable or unset it"
                )
            return client_context()
        except ConfigError as error:
            raise DownloadFailed(str(error), what="SSL_CERT_FILE") from None

    def _pool(
        self,
        parts: SplitResult,
        policy: AddressPolicy,
        line: TransferLine,
        stack: contextlib.ExitStack,
    ) -> urllib3.HTTPConnectionPool | urllib3.ProxyManager:
        tls: dict[str, Any] = {
            "cert_reqs": "CERT_REQUIRED",
            "ssl_context": self._trust(),
        }
        proxy = proxy_for(parts) if policy.may_use_proxy else None
        if proxy is not None:
            manager = proxied(proxy, line, tls)
            stack.callback(manager.clear)
            return manager
        addresses = resolve_on(line, parts, policy, self._resolver)
        pool = guarded_pool(parts, addresses, line, tls)
        stack.callback(pool.close)
        return pool
