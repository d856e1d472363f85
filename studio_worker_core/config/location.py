"""Where the config file lies when nobody says otherwise."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from studio_worker_core.errors import ConfigError
from studio_worker_core.storage.places import place_for

_NAME = "minis-studio-worker"
_FILE = "config.toml"


def default_config_path(
    environ: Mapping[str, str] | None = None, platform: str = sys.platform
) -> Path:
    """``$STUDIO_WORKER_CONFIG``, or the original worker's place on this platform.

    Raises:
        ConfigError: there is no home directory to look in.
    """
    environ = os.environ if environ is None else environ
    try:
        named = environ.get("STUDIO_WORKER_CONFIG")
        if named:
            return Path(named).expanduser()
        return _platform_directory(environ, platform) / _FILE
    except RuntimeError as error:
        raise ConfigError(
            "no home directory is known for this user; "
            "name the config file with --config or STUDIO_WORKER_CONFIG"
        ) from error


def _platform_directory(environ: Mapping[str, str], platform: str) -> Path:
    place = place_for("config", environ, platform)
    if platform == "win32":
        return place / "minis" / _NAME / "config"
    return place / (f"gg.minis.{_NAME}" if platform == "darwin" else _NAME)
