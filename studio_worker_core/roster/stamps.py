"""Whether anything was installed, removed or edited since: told from sizes and times of files.

``--help`` waits for this, so it imports nothing that the interpreter has not loaded anyway.
"""

from __future__ import annotations

import os
import sys

from studio_worker_core import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_INFO = (".dist-info", ".egg-info")


def fingerprint(search_path: Iterable[str]) -> list[str]:
    """One line for each installed distribution, which changes with every installation,
    upgrade and removal, and when the files that name its plugins are edited."""
    lines = [__version__, sys.version.split()[0]]
    for info in infos(search_path):
        parts = [
            stamp(info),
            stamp(f"{info}/entry_points.txt", short=True),
            stamp(f"{info}/METADATA", short=True),
        ]
        lines.append(" ".join(parts).replace("\n", " "))
    return lines


def still_so(lines: Iterable[str]) -> bool:
    """Whether each of these lines of :func:`stamp` is what it would be now."""
    return all(stamp(_path_of(line)) == line for line in lines)


def _path_of(line: str) -> str:
    return line[:-2] if line.endswith(" -") else line.rsplit(" ", 2)[0]


def infos(search_path: Iterable[str]) -> Iterator[str]:
    """The metadata directories of the distributions on ``search_path``, in its order."""
    for place in dict.fromkeys(search_path):
        try:
            with os.scandir(place or ".") as entries:
                found = [entry.path for entry in entries if entry.name.endswith(_INFO)]
        except OSError:  # zip files and directories that are not there
            continue
        yield from sorted(found)


def stamp(path: str, *, short: bool = False) -> str:
    """One line of path, size and time; without the path if ``short``."""
    shown = "" if short else f"{path} "
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return f"{shown}-"
    return f"{shown}{found.st_size} {found.st_mtime_ns}"
