"""``local-api.json`` beside the config: where the local API is and with which token.

The shape is the original worker's (original.md, Files): programs of this machine read it.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import msgspec
from msgspec import Struct

from studio_worker_core.config.document import read_regular
from studio_worker_core.errors import ConfigError
from studio_worker_core.secrets import Secret
from studio_worker_core.storage.atomic import write_whole

NAME = "local-api.json"
_MOST_BYTES = 64 * 1024


class Discovery(Struct, frozen=True):
    """What the file says. ``url`` has no slash at its end."""

    url: str
    token: str


def announce(directory: Path, url: str, token: Secret) -> None:
    """Write the file, for this user's eyes only. Raises :class:`OSError`."""
    text = json.dumps({"token": token.reveal(), "url": url.rstrip("/")}, indent=2)
    write_whole(directory / NAME, text.encode("ascii") + b"\n")


def withdraw(directory: Path, url: str) -> None:
    """Remove the file if it is the one that announced ``url``; another worker's stays."""
    found = read(directory)
    if found is not None and found.url == url.rstrip("/"):
        with contextlib.suppress(OSError):
            (directory / NAME).unlink()


def read(directory: Path) -> Discovery | None:
    """What the file says; None where there is none that can be read."""
    try:
        return msgspec.json.decode(read_regular(directory / NAME, _MOST_BYTES), type=Discovery)
    except (OSError, ConfigError, msgspec.MsgspecError, UnicodeError):
        return None
