"""Where the studio is and what its token is, as the command line and the environment say."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from studio_worker_core.errors import ConfigError
from studio_worker_core.network.loopback import is_loopback_host
from studio_worker_studio.client import API_PREFIX, OperatorClient
from studio_worker_studio.settings import default_data_directory, token_file_in


def connect(studio_url: str, token_file: Path | None) -> OperatorClient:
    """A client from what the command line and the environment say.

    Raises:
        ConfigError: the address is no URL, or there is no token.
    """
    parts = urlsplit(studio_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"the studio's address {studio_url!r} is no http(s) URL", key="studio-url"
        )
    base = studio_url.partition("?")[0].partition("#")[0].rstrip("/").removesuffix(API_PREFIX)
    return OperatorClient(base, _token(token_file, parts.hostname))


def _token(file: Path | None, host: str) -> str:
    token = os.environ.get("STUDIO_OPERATOR_TOKEN", "").strip()
    if file is None and token:
        return token
    if file is None and not is_loopback_host(host):
        # The token found here is that of this machine's own studio.
        raise ConfigError(
            f"no operator token for the studio at {host}: the one in "
            f"{token_file_in(default_data_directory())} is this machine's own studio's and is "
            "not sent elsewhere; give --operator-token-file, or set STUDIO_OPERATOR_TOKEN"
        )
    path = (file or token_file_in(default_data_directory())).expanduser()
    try:
        token = path.read_text("utf-8").strip()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"no operator token: {path}: {reason}; give --operator-token-file, or set "
            "STUDIO_OPERATOR_TOKEN",
            path=path,
        ) from None
    if not token or not token.isascii() or any(c.isspace() for c in token):
        raise ConfigError(f"{path} holds no operator token", path=path)
    return token
