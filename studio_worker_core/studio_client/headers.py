"""The headers that a studio is sent."""

from __future__ import annotations

from studio_worker_core import __version__
from studio_worker_core.errors import ConfigError
from studio_worker_core.secrets import Secret

USER_AGENT = f"studio-worker/{__version__}"


def bearer(token: Secret) -> str:
    """The value of an ``Authorization`` header.

    Raises:
        ConfigError: the token cannot be a header value; the text is not repeated.
    """
    text = token.reveal()
    if not text or not all("!" <= character <= "~" for character in text):
        raise ConfigError(
            "a stored credential is empty or has characters that cannot be sent; "
            "run 'studio-worker register --reset'"
        )
    return f"Bearer {text}"
