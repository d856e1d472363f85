"""Where the programs of a user keep their files on this platform.

Not by platformdirs: it follows ``XDG_CONFIG_HOME`` on macOS too and asks Windows for its folder
in place of ``%APPDATA%``, which would move the configuration that the original worker keeps
there. ``--help`` looks for a cache, and has no time for its import either: what it calls here
needs no module that the interpreter has not loaded anyway.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Literal

    Sort = Literal["cache", "config", "data"]

_XDG: dict[Sort, tuple[str, str]] = {
    "cache": ("XDG_CACHE_HOME", ".cache"),
    "config": ("XDG_CONFIG_HOME", ".config"),
    "data": ("XDG_DATA_HOME", ".local/share"),
}
_MACOS: dict[Sort, str] = {
    "cache": "Library/Caches",
    "config": "Library/Application Support",
    "data": "Library/Application Support",
}
_WINDOWS: dict[Sort, tuple[str, str]] = {
    "cache": ("LOCALAPPDATA", "AppData/Local"),
    "config": ("APPDATA", "AppData/Roaming"),
    "data": ("LOCALAPPDATA", "AppData/Local"),
}


def place_for(
    what: Sort,
    environ: Mapping[str, str] | None = None,
    platform: str = sys.platform,
) -> Path:
    """The directory of all programs' files of that sort.

    Raises:
        RuntimeError: no home directory is known.
    """
    from pathlib import Path

    return Path(name_for(what, environ, platform))


def name_for(
    what: Sort,
    environ: Mapping[str, str] | None = None,
    platform: str = sys.platform,
) -> str:
    """The same as a text.

    Raises:
        RuntimeError: no home directory is known.
    """
    environ = os.environ if environ is None else environ
    if platform == "win32":
        variable, place = _WINDOWS[what]
        chosen = environ.get(variable)
        return chosen or os.path.join(_home(), place)
    if platform == "darwin":
        return os.path.join(_home(), _MACOS[what])
    variable, place = _XDG[what]
    # The XDG specification says that a relative value is to be ignored.
    named = environ.get(variable) or ""
    return named if os.path.isabs(named) else os.path.join(_home(), place)


def _home() -> str:
    home = os.path.expanduser("~")
    if home == "~":
        raise RuntimeError("no home directory is known")
    return home
