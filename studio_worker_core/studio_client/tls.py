"""Whom to trust over TLS: one answer for HTTP calls and the WebSocket."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import certifi

__all__ = ["client_context"]


def client_context() -> ssl.SSLContext:
    """A verifying context: the system's authorities, certifi's, and the operator's own.

    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` replace the system's, ``REQUESTS_CA_BUNDLE`` (file
    or directory) comes on top, so that a studio with a private authority needs one setting.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    if bundle and Path(bundle).is_dir():
        context.load_verify_locations(capath=bundle)
    elif bundle:
        context.load_verify_locations(cafile=bundle)
    return context
