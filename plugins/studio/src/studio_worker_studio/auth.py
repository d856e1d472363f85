"""Tokens: made from the operating system's randomness, compared in constant time, kept as
hashes. Only the operator token is kept as text, in a file of mode 0600."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path

from studio_worker_core.errors import ConfigError
from studio_worker_core.storage.atomic import write_whole


def new_token() -> str:
    """A fresh secret: 32 random bytes as 64 hex characters."""
    return secrets.token_hex(32)


def new_id(prefix: str) -> str:
    """An opaque identifier that nobody can guess, e.g. ``job-3f0c…``."""
    return f"{prefix}-{secrets.token_hex(10)}"


def sha256_hex(text: str) -> str:
    """SHA-256 of a secret's text as lower-case hex (protocol §2)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def matches(secret: str | None, expected_hash: str) -> bool:
    """Whether ``secret`` has the hash ``expected_hash``, in constant time."""
    if secret is None:
        return False
    return hmac.compare_digest(sha256_hex(secret), expected_hash.lower())


def bearer_of(headers: Mapping[str, str]) -> str | None:
    """The token of an ``Authorization: Bearer`` header, or None."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token else None


def load_operator_token(path: Path) -> tuple[str, bool]:
    """The operator token in ``path``, made there when the file does not exist.

    Returns the token and whether it was made just now.

    Raises:
        ConfigError: the file cannot be read or written, or holds no token.
    """
    try:
        token = path.read_text("utf-8").strip()
    except FileNotFoundError:
        return _make_operator_token(path), True
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"cannot read the operator token: {error}", path=path) from None
    if len(token) < 16 or any(c.isspace() for c in token):
        raise ConfigError(
            f"{path} holds no operator token (one word of at least 16 characters); "
            "remove the file to have a new one made",
            path=path,
        )
    return token, False


def _make_operator_token(path: Path) -> str:
    token = new_token()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Half a token, left by a full disk, would end every later start.
        write_whole(path, f"{token}\n".encode())
    except OSError as error:
        raise ConfigError(f"cannot keep the operator token: {error}", path=path) from None
    return token
