"""Reading the config file as text and as TOML."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from studio_worker_core.config import document
from studio_worker_core.errors import ConfigCorrupt, ConfigError

_MAX_BYTES = 1024 * 1024


def read_text(path: Path) -> str | None:
    """The text of a config file; None when there is none.

    Raises:
        ConfigError: it cannot be read.
        ConfigCorrupt: it is too long, or no text.
    """
    try:
        data = document.read_regular(path, _MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", path=path) from error
    if len(data) > _MAX_BYTES:
        raise ConfigCorrupt(path, f"longer than {_MAX_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigCorrupt(path, "not UTF-8 text", line=line) from None


def parsed(path: Path, text: str) -> dict[str, Any]:
    """The keys and tables of a config file.

    Raises:
        ConfigCorrupt: it is no TOML.
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # Only the place is taken from the parser: its words may quote a secret.
        place = re.search(r"\(at line (\d+)", str(error))
        line = int(place[1]) if place else text.count("\n") + 1
        raise ConfigCorrupt(path, "not valid TOML", line=line) from None
