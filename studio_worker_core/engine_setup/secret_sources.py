"""Where a secret is read from: an environment variable of the worker, or a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from studio_worker_core.config.document import read_regular
from studio_worker_core.errors import ConfigError
from studio_worker_core.secrets import Secret

_MOST_BYTES = 64 * 1024
_SHORTEST = 8
"""What is shorter is not taken out of logs, since ordinary words would go with it."""


class SecretMissing(Exception):
    """It cannot be had; the text says why, and nothing of what it is."""


def missing_variable(named: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> str:
    """The variable that ``named`` speaks of and that is not set; else empty. Asks no disk."""
    name = named.get("env", "")
    return name if name and not environ.get(name, "").strip() else ""


def secret_file(named: Mapping[str, str], directory: Path) -> Path | None:
    """The file that ``named`` speaks of, if it does; a relative one starts at ``directory``."""
    if "file" not in named:
        return None
    try:
        return directory / Path(named["file"]).expanduser()
    except RuntimeError:  # nobody's home is known
        return directory / named["file"]


def is_open_to_others(file: Path) -> bool:
    """Whether other users of this machine may read it."""
    try:
        return os.name == "posix" and bool(stat.S_IMODE(file.stat().st_mode) & 0o077)
    except OSError:
        return False


def read_secret(
    named: Mapping[str, str], directory: Path, environ: Mapping[str, str] = os.environ
) -> Secret:
    """The secret that ``named`` speaks of, ``{env: …}`` or ``{file: …}``.

    Raises:
        SecretMissing: there is none there, or it is none.
    """
    file = secret_file(named, directory)
    if file is None:
        if name := missing_variable(named, environ):
            raise SecretMissing(f"the environment variable {name} is not set here")
        return _checked(environ[named["env"]], f"the environment variable {named['env']}")
    try:
        data = read_regular(file, _MOST_BYTES + 1)
    except ConfigError:
        raise SecretMissing(f"{file} is no regular file") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no name of a file"
        raise SecretMissing(f"{file} cannot be read: {why}") from None
    if len(data) > _MOST_BYTES:
        raise SecretMissing(f"{file} is larger than {_MOST_BYTES} bytes, which no secret is")
    try:
        return _checked(data.decode("utf-8"), str(file))
    except UnicodeDecodeError:
        raise SecretMissing(f"{file} is no UTF-8 text") from None


def _checked(text: str, where: str) -> Secret:
    secret = text.strip()
    if len(secret) < _SHORTEST:
        raise SecretMissing(
            f"{where} has less than {_SHORTEST} characters, too few to keep them out of logs"
        )
    return Secret(secret)
