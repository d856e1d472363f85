"""Whom to trust over TLS: one answer for studios, downloads and the rest."""

from __future__ import annotations

import functools
import os
import ssl
from pathlib import Path

import certifi

from studio_worker_core.errors import ConfigError


def client_context() -> ssl.SSLContext:
    """A verifying context: the system's authorities, certifi's, and the operator's own.

    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` replace the system's, ``REQUESTS_CA_BUNDLE`` (file
    or directory) comes on top, so that a studio with a private authority needs one setting.

    Raises:
        ConfigError: a file named there cannot be used.
    """
    names = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
    return _context(*(os.environ.get(name) for name in names))


@functools.lru_cache(maxsize=4)  # reading the authorities takes about 0.1 s
def _context(bundle: str | None, *_: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    if not bundle:
        return context
    try:
        if Path(bundle).is_dir():
            context.load_verify_locations(capath=bundle)
        else:
            context.load_verify_locations(cafile=bundle)
    except OSError as error:
        raise ConfigError(
            f"REQUESTS_CA_BUNDLE names {bundle}, which cannot be used: {error.strerror or error}"
        ) from error
    return context
