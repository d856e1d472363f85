"""The commands plugins add, found without asking the plugins at every start.

Their descriptions (:mod:`studio_worker_core.roster.descriptions`) say what they are, but even
to read those takes more than ``--help`` has time for. So the commands are kept in a small file
of their own, together with what they were made from: the installed distributions, and the
files of the plugins. While those are the same, that file is read and nothing else.
"""

from __future__ import annotations

import os
import sys
from zlib import crc32

from studio_worker_core import __version__
from studio_worker_core.cli.table import CommandEntry
from studio_worker_core.host.cache import cache_name
from studio_worker_core.roster.stamps import fingerprint, still_so

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

_FORMAT = "studio-worker commands 2"


def plugin_commands() -> dict[str, CommandEntry]:
    """Commands of the healthy plugins by name. Never raises: no plugin, no command."""
    # Named, because an empty line (no plugin allowed) would end the part in the file.
    allowed = os.environ.get("STUDIO_WORKER_PLUGINS", "*")
    ground = [f"allowed {allowed}".replace("\n", " "), *fingerprint(sys.path)]
    cache = _cache_file()
    known = _read(cache, ground) if cache is not None else None
    if known is not None:
        return known
    answer = _described()
    if answer is None:
        return {}
    found, files = answer
    if cache is not None:
        _write(cache, ground, found, files)
    return found


def _cache_file() -> str | None:
    try:
        directory = cache_name()
    except RuntimeError:
        return None
    # One file for each environment: several may be in use side by side.
    mark = crc32(sys.prefix.encode("utf-8", "surrogatepass"))
    return f"{directory}/commands-{mark:08x}.txt"


def _read(cache: str, ground: list[str]) -> dict[str, CommandEntry] | None:
    """The kept commands, or None when there are none that still hold."""
    try:
        with open(cache, encoding="utf-8", errors="surrogatepass") as file:
            text = file.read()
        header, made_from, files, commands = text.split("\n\n")
        if header != _FORMAT or made_from.splitlines() != ground:
            return None
        if not still_so(files.splitlines()[1:]):
            return None
        entries = [CommandEntry(*line.split("\t")) for line in commands.splitlines()[1:]]
    except (OSError, ValueError, TypeError):
        return None
    return {entry.name: entry for entry in entries}


def _write(cache: str, ground: list[str], found: dict[str, CommandEntry], files: list[str]) -> None:
    from pathlib import Path  # most starts only read

    from studio_worker_core.storage.atomic import write_whole

    parts = (
        _FORMAT,
        "\n".join(ground),
        "\n".join(["files", *files]),
        "\n".join(["commands", *("\t".join(entry) for entry in found.values())]),
    )
    try:
        Path(cache).parent.mkdir(parents=True, exist_ok=True)
        data = "\n\n".join(parts).encode("utf-8", "surrogatepass")
        write_whole(Path(cache), data, sync=False)
    except OSError:
        # A read-only home costs time at each start, nothing else.
        return


def _described() -> tuple[dict[str, CommandEntry], list[str]] | None:
    """The commands in the plugins' descriptions, and stamps of the files they rest on."""
    # Imported here: most starts read the file.
    import logging

    # What is wrong with a plugin is for 'engines list' to say, not for --help.
    logging.getLogger("studio_worker").addHandler(logging.NullHandler())
    from studio_worker_core.plugin import API_VERSION, HostInfo
    from studio_worker_core.roster.descriptions import Descriptions, cache_file
    from studio_worker_core.roster.discovery import allowed_plugins, discover
    from studio_worker_core.roster.installed import stamps

    try:
        root = _models_root()
        host = HostInfo(API_VERSION, __version__, root)
        cache = cache_file(root)
        roster = discover(host, allowed=allowed_plugins(), cache=cache)
        candidates = Descriptions(host, cache=cache).candidates()
    except Exception:  # whatever is broken here, the command must still work
        return None
    found = [
        CommandEntry(_plain(spec.name), _plain(spec.help), _plain(spec.app))
        for spec in roster.commands
    ]
    files = sorted({line for candidate in candidates for line in stamps(candidate)})
    return {entry.name: entry for entry in found}, files


def _models_root() -> Path:
    """The one of the settings: the other commands then find the same descriptions."""
    from studio_worker_core.config import ConfigStore
    from studio_worker_core.config.location import default_config_path
    from studio_worker_core.errors import ConfigError

    path = default_config_path()
    try:
        return ConfigStore(path).models_root
    except ConfigError:
        return path.parent / "models"


def _plain(text: str) -> str:
    return " ".join(text.split())
