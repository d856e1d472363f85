"""What went wrong on the way to a server, in words that say what to do about it."""

from __future__ import annotations

import contextlib
import http.client
import ssl
from collections.abc import Iterator

import urllib3

from studio_worker_core.downloads.transfers import Interrupted, TransferLine
from studio_worker_core.errors import DownloadFailed
from studio_worker_core.network.proxies import LOGIN_WORDS
from studio_worker_core.network.words import (
    certificate_words,
    innermost,
    proxy_words,
    why_failed,
)


@contextlib.contextmanager
def as_errors(shown: str, line: TransferLine) -> Iterator[None]:
    """Turn what the HTTP library raises into our errors; ``shown`` is the address.

    Raises:
        Interrupted: another try may work.
        DownloadFailed: it will not, before somebody does what the message says.
        HungUp: the line was hung up.
    """
    try:
        yield
    except (urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
        line.check()
        root = innermost(error)
        if isinstance(error, urllib3.exceptions.ProxyError):
            raise _proxy_error(shown, root) from None
        if isinstance(root, ssl.SSLCertVerificationError):
            raise DownloadFailed(f"{shown}: {certificate_words(root)}", what=shown) from None
        raise Interrupted(f"{shown}: {why_failed(error)}", what=shown) from None


def _proxy_error(shown: str, root: BaseException) -> DownloadFailed:
    words = proxy_words(root)
    # A login does not appear by itself; what else a proxy says may pass.
    kind = DownloadFailed if words == LOGIN_WORDS else Interrupted
    return kind(f"{shown}: {words}", what=shown)
