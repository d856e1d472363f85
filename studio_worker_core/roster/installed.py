"""The plugins that are installed, found by reading files: nothing of theirs is imported.

Written against the standard library's cheap parts only, since every start waits for it. What
``importlib.metadata`` would raise about a damaged distribution is a note here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from studio_worker_core.roster.stamps import infos, stamp

_GROUP = "studio_worker"
_MOST_BYTES = 1024 * 1024
_MOST_FILES = 3000


class Candidate(NamedTuple):
    """An entry point of the group ``studio_worker``."""

    name: str
    value: str
    """``module`` or ``module:object``."""
    distribution: str
    version: str
    info: str = ""
    """The distribution's ``.dist-info`` directory."""

    @property
    def module(self) -> str:
        """The module that is imported."""
        return self.value.partition(":")[0].strip()


def normal_name(name: str) -> str:
    """A distribution's name as comparisons need it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def find_candidates(search_path: Iterable[str]) -> tuple[list[Candidate], list[str]]:
    """Every plugin of the distributions on ``search_path``, in an order that does not depend
    on pip, and a line for each distribution whose files cannot be read."""
    found: list[Candidate] = []
    notes: list[str] = []
    seen: set[str] = set()
    for info in infos(search_path):
        stem = os.path.basename(info).rpartition(".")[0]
        name, _, version = stem.partition("-")
        if normal_name(name) in seen:  # the first on the path hides the others, as for imports
            continue
        seen.add(normal_name(name))
        headers, damage = _headers(info)
        entries, more_damage = _entries(info)
        for what in (damage, more_damage):
            if what:
                notes.append(f"the distribution {name} is damaged: {what}; reinstall or remove it")
        found += [
            Candidate(
                entry,
                value,
                headers.get("name") or name,
                headers.get("version") or version or "?",
                info,
            )
            for entry, value in entries
        ]
    return sorted(found, key=lambda c: (c.distribution, c.name)), notes


def stamps(candidate: Candidate) -> list[str]:
    """One line for each file of the plugin's distribution: path, size and time.

    Those its RECORD names; in an editable installation, and without a RECORD, those of the
    plugin's top-level package.
    """
    site = os.path.dirname(candidate.info)
    files = _recorded(candidate.info)
    top = _path(candidate.module.partition(".")[0])
    if not any(name.startswith((f"{top}/", f"{top}.py")) for name in files):
        roots = [site, *_path_lines(site, files)]
        found = [file for root in roots for file in _package_files(root, top)]
    else:
        found = [os.path.join(site, name) for name in files]
    return [stamp(path) for path in sorted(set(found))[:_MOST_FILES]]


def _headers(info: str) -> tuple[dict[str, str], str | None]:
    """``name`` and ``version`` of the METADATA, and what is wrong with it."""
    is_egg = info.endswith(".egg-info")
    file = f"{info}/PKG-INFO" if is_egg and os.path.isdir(info) else f"{info}/METADATA"
    text, damage = _text(info if is_egg and os.path.isfile(info) else file)
    if text is None:
        return {}, damage or f"it has no {os.path.basename(file)}"
    headers: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            break
        key, colon, value = line.partition(":")
        if colon and key.lower() in ("name", "version"):
            headers.setdefault(key.lower(), _plain(value))
    if "name" not in headers or "version" not in headers:
        return headers, damage or f"its {os.path.basename(file)} has no name or no version"
    return headers, damage


def _entries(info: str) -> tuple[list[tuple[str, str]], str | None]:
    """The entry points of our group, and what is wrong with the file."""
    text, damage = _text(f"{info}/entry_points.txt")
    section: str | None = None
    found: list[tuple[str, str]] = []
    for line in (text or "").splitlines():
        line = line.strip()
        if not line or line.startswith(("#", ";")):
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
            continue
        name, equals, value = line.partition("=")
        name, value = _plain(name), _plain(value.partition("[")[0])
        if section is None or not equals or not name or not value:
            damage = damage or f"its entry_points.txt holds {line[:60]!a}"
        elif section == _GROUP:
            found.append((name, value))
    return found, damage


def _text(path: str) -> tuple[str | None, str | None]:
    """A file's text, as far as it can be read, and what is wrong with it; a file that is not
    there is no damage."""
    name = os.path.basename(path)
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None, None
    except OSError as error:
        return None, f"its {name} cannot be read ({error.strerror})"
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace"), f"its {name} is no UTF-8 text"


def _recorded(info: str) -> list[str]:
    """The files of RECORD, but for caches of Python."""
    text, _ = _text(f"{info}/RECORD")
    names = [_path(line.split(",", 1)[0].strip('"')) for line in (text or "").splitlines()]
    return [name for name in names if name and not name.endswith(".pyc")]


def _path_lines(site: str, files: Iterable[str]) -> list[str]:
    """The directories that an editable installation puts on the path."""
    texts = [_text(os.path.join(site, name))[0] for name in files if name.endswith(".pth")]
    lines = [_path(line.strip()) for text in texts for line in (text or "").splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "import "))]


def _package_files(root: str, top: str) -> Sequence[str]:
    found = [path for path in (os.path.join(root, f"{top}.py"),) if os.path.isfile(path)]
    for directory, inner, names in os.walk(os.path.join(root, top)):
        inner[:] = sorted(name for name in inner if name != "__pycache__")
        found += [os.path.join(directory, name) for name in names if not name.endswith(".pyc")]
        if len(found) > _MOST_FILES:
            break
    return found


def _path(text: str) -> str:
    """A path from a UTF-8 file as this process names it, which may run in the C locale."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))


def _plain(text: str) -> str:
    return " ".join(text.split())
