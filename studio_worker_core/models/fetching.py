"""One GET over a guarded connection: redirects by hand, each hop judged anew."""

from __future__ import annotations

import contextlib
import os
import ssl
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urljoin

import urllib3

from studio_worker_core import __version__
from studio_worker_core.errors import DownloadFailed, SourceRefused
from studio_worker_core.models.connections import guarded_pool
from studio_worker_core.models.guard import (
    AddressPolicy,
    Resolver,
    check_url,
    is_loopback_host,
    resolve,
    shown_url,
    system_resolver,
)
from studio_worker_core.models.hub import HubToken
from studio_worker_core.models.transfers import Interrupted, Line

__all__ = ["Fetcher", "Response"]

Response = urllib3.response.BaseHTTPResponse

_MOST_HOPS = 8
_REDIRECTS = (301, 302, 303, 307, 308)


class Fetcher:
    """Makes GET requests. ``verify`` is a CA bundle; ``None`` is the usual one.

    ``connect_seconds`` bounds each connection, ``stall_seconds`` each wait for more bytes.
    """

    def __init__(
        self,
        *,
        connect_seconds: float = 10.0,
        stall_seconds: float = 30.0,
        verify: Path | None = None,
        resolver: Resolver = system_resolver,
        token: HubToken | None = None,
    ) -> None:
        self._timeout = urllib3.Timeout(connect=connect_seconds, read=stall_seconds)
        self._verify = verify
        self._resolver = resolver
        self._token = token

    @contextlib.contextmanager
    def open(
        self, url: str, policy: AddressPolicy, line: Line, headers: Mapping[str, str] | None = None
    ) -> Iterator[Response]:
        """The answer to a GET, its body not read yet; redirects are followed.

        Raises:
            SourceRefused: an address or a redirect is forbidden.
            Interrupted: no connection, or it broke; also while the body is read inside.
            DownloadFailed: the certificate is not valid, too many redirects.
            HungUp: the line was hung up.
        """
        shown = shown_url(url)
        with _as_errors(shown, line):
            for _ in range(_MOST_HOPS):
                parts = check_url(url, policy)
                with self._get(parts, policy, line, headers or {}) as response:
                    location = response.headers.get("Location")
                    if response.status not in _REDIRECTS or location is None:
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
        self, parts: SplitResult, policy: AddressPolicy, line: Line, headers: Mapping[str, str]
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

    def _pool(
        self, parts: SplitResult, policy: AddressPolicy, line: Line, stack: contextlib.ExitStack
    ) -> urllib3.HTTPConnectionPool | urllib3.ProxyManager:
        tls: dict[str, Any] = {"cert_reqs": "CERT_REQUIRED", "ca_certs": str(self._bundle())}
        proxy = _proxy_for(parts)
        if proxy is not None and policy.may_use_proxy:
            # Its sockets are not on the line: hanging up takes effect at the next bytes.
            manager = urllib3.ProxyManager(proxy, **tls)
            stack.callback(manager.clear)
            return manager
        addresses = resolve(parts, policy, self._resolver)
        pool = guarded_pool(parts, addresses, line, tls)
        stack.callback(pool.close)
        return pool

    def _bundle(self) -> Path:
        if self._verify is not None:
            return self._verify
        for variable in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            if named := os.environ.get(variable):
                return Path(named)
        import certifi

        return Path(certifi.where())


def _proxy_for(parts: SplitResult) -> str | None:
    host = parts.hostname or ""
    if is_loopback_host(host) or urllib.request.proxy_bypass(host):
        return None
    proxy = urllib.request.getproxies().get(parts.scheme)
    return proxy if proxy and proxy.startswith(("http://", "https://")) else None


@contextlib.contextmanager
def _as_errors(shown: str, line: Line) -> Iterator[None]:
    try:
        yield
    except urllib3.exceptions.HTTPError as error:
        line.check()
        cause = error.args[0] if error.args else None
        if isinstance(error, urllib3.exceptions.SSLError) and isinstance(
            cause, ssl.SSLCertVerificationError
        ):
            reason = cause.verify_message or "certificate verify failed"
            raise DownloadFailed(
                f"{shown}: the server's certificate is not valid: {reason}", what=shown
            ) from None
        raise Interrupted(f"{shown}: {_plain(error)}", what=shown) from error


def _plain(error: urllib3.exceptions.HTTPError) -> str:
    match error:
        case urllib3.exceptions.ConnectTimeoutError():
            return "the server did not answer in time"
        case urllib3.exceptions.TimeoutError():
            return "the server stopped sending"
        case urllib3.exceptions.IncompleteRead():
            return "the connection ended before the whole file was there"
    text = str(error.args[-1] if error.args else error)
    return f"the connection broke ({text[:200]})"
