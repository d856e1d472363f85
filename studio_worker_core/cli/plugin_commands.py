"""The commands plugins add, found without asking the plugins at every start.

Asking them means reading the entry points of everything installed (some 50 ms) and
importing each plugin. So the answer is kept in the user's cache directory, together with
what it was made from: the names and times of all installed distributions, and the files of
the plugin modules that were asked. While those are the same, one small file is read instead.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

from studio_worker_core import __version__
from studio_worker_core.cli.table import CommandEntry
from studio_worker_core.host.cache import cache_directory

__all__ = ["installed_fingerprint", "plugin_commands"]

_FORMAT = "studio-worker commands 1"


def plugin_commands() -> dict[str, CommandEntry]:
    """Commands of the healthy plugins by name. Never raises: no plugin, no command."""
    fingerprint = installed_fingerprint(sys.path)
    cache = _cache_file()
    known = _read(cache, fingerprint) if cache is not None else None
    if known is not None:
        return known
    answer = _ask_plugins()
    if answer is None:
        return {}
    found, sources = answer
    if cache is not None:
        _write(cache, fingerprint, found, sources)
    return found


def installed_fingerprint(search_path: Iterable[str]) -> list[str]:
    """One line for each installed distribution that ``importlib.metadata`` would see.

    A line has the directory's name and modification time, which pip changes whenever it
    installs, upgrades or removes.
    """
    allowed = os.environ.get("STUDIO_WORKER_PLUGINS", "*")
    # Named, because an empty line (no plugin allowed) would end the fingerprint in the file.
    lines = [__version__, sys.version.split()[0], f"allowed {allowed}"]
    for place in search_path:
        try:
            with os.scandir(place or ".") as entries:
                found = [
                    f"{entry.path} {entry.stat().st_mtime_ns}"
                    for entry in entries
                    if entry.name.endswith((".dist-info", ".egg-info"))
                ]
        except OSError:  # zip files and directories that are not there
            continue
        lines.extend(sorted(found))
    return [line.replace("\n", " ") for line in lines]


def _cache_file() -> Path | None:
    try:
        directory = cache_directory()
    except RuntimeError:
        return None
    # One file for each environment: several may be in use side by side.
    return directory / f"commands-{crc32(sys.prefix.encode()):08x}.txt"


def _read(cache: Path, fingerprint: list[str]) -> dict[str, CommandEntry] | None:
    """The cached commands, or None when there are none that still hold."""
    try:
        header, made_from, sources, commands = cache.read_text("utf-8").split("\n\n")
    except (OSError, ValueError):
        return None
    if header != _FORMAT or made_from.splitlines() != fingerprint:
        return None
    if any(_stamp(line.rpartition(" ")[0]) != line for line in sources.splitlines()[1:]):
        return None
    entries = (CommandEntry(*line.split("\t")) for line in commands.splitlines()[1:])
    try:
        return {entry.name: entry for entry in entries}
    except TypeError:
        return None


def _write(
    cache: Path, fingerprint: list[str], found: dict[str, CommandEntry], sources: list[str]
) -> None:
    parts = (
        _FORMAT,
        "\n".join(fingerprint),
        "\n".join(["sources", *sources]),
        "\n".join(["commands", *("\t".join(entry) for entry in found.values())]),
    )
    temporary = cache.with_suffix(f".{os.getpid()}")
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text("\n\n".join(parts), "utf-8")
        temporary.replace(cache)
    except OSError:
        # A read-only home costs time at each start, nothing else.
        return


def _stamp(path: str) -> str:
    try:
        return f"{path} {Path(path).stat().st_mtime_ns}"
    except OSError:
        return f"{path} gone"


def _ask_plugins() -> tuple[dict[str, CommandEntry], list[str]] | None:
    """Discover the plugins; answer their commands and stamps of the files that said so."""
    try:
        # Imported here: most starts read the cache.
        import logging

        # What is wrong with a plugin is for 'engines list' to say, not for --help.
        logging.getLogger("studio_worker").addHandler(logging.NullHandler())
        from studio_worker_core.engines.discovery import allowed_plugins, discover
        from studio_worker_core.plugin import API_VERSION, HostInfo

        host = HostInfo(API_VERSION, __version__, cache_directory())
        roster = discover(host, allowed=allowed_plugins())
        found = [
            CommandEntry(_plain(spec.name), _plain(spec.help), _plain(spec.app))
            for spec in roster.commands
        ]
    except Exception:  # whatever plugins do while being asked, the command must still work
        return None
    files = {entry.source for entry in roster.entries if entry.source}
    return {entry.name: entry for entry in found}, sorted(_stamp(_plain(str(f))) for f in files)


def _plain(text: str) -> str:
    return " ".join(text.split())
