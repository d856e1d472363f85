"""What plugins answered, kept on disk until something changes that they were made from."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from hashlib import blake2b
from pathlib import Path
from zlib import crc32

import msgspec
from msgspec import Struct, field

from studio_worker_core.host.cache import cache_directory
from studio_worker_core.plugin import HostInfo
from studio_worker_core.roster.installed import (
    Candidate,
    find_candidates,
    stamps,
)
from studio_worker_core.roster.plugin_records import DESCRIBE_SECONDS, PluginDescription
from studio_worker_core.roster.stamps import fingerprint

_FORMAT = 3
_KEPT_SECONDS = 24 * 3600.0
"""An answer may rest on what no fingerprint shows, such as a library of the system."""
_FAULT_SECONDS = 600.0
"""A fault may be the machine's own, or mended where no fingerprint shows it."""
_MOST_MODEL_FILES = 20_000

AskAgain = Callable[[PluginDescription], bool]


class _Kept(Struct, frozen=True):
    stamp: str
    at: float
    description: PluginDescription


class _Answers(Struct):
    format: int = 0
    installed: str = ""
    candidates: tuple[Candidate, ...] = ()
    notes: tuple[str, ...] = ()
    kept: dict[str, _Kept] = field(default_factory=dict)


def cache_file(models_root: Path) -> Path | None:
    """Where the answers for this environment and ``models_root`` are kept; None without a home."""
    try:
        directory = cache_directory()
    except RuntimeError:
        return None
    mark = crc32(f"{sys.prefix}\n{models_root.absolute()}".encode("utf-8", "surrogatepass"))
    return directory / f"plugins-{mark:08x}.json"


class Descriptions:
    """The descriptions of all installed plugins, asked for only where none is kept that holds.

    :param cache: the file they are kept in; None keeps none.
    :param stop: once set, nobody waits for an answer any more.
    :param now: seconds since the epoch.
    """

    def __init__(
        self,
        host: HostInfo,
        *,
        cache: Path | None,
        search_path: Sequence[str] | None = None,
        seconds: float = DESCRIBE_SECONDS,
        stop: threading.Event | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._host = host
        self._cache = cache
        self._search_path = search_path
        self._seconds = seconds
        self._stop = stop or threading.Event()
        self._now = now
        self._answers = _Answers()
        self._index = ""
        self.notes: tuple[str, ...] = ()
        """A line for each damaged distribution, whosever it is."""

    def candidates(self) -> list[Candidate]:
        """The installed plugins, from the cache while nothing was installed or removed."""
        path = sys.path if self._search_path is None else self._search_path
        self._index = _digest(fingerprint(path))
        self._answers = _read(self._cache)
        if self._answers.installed != self._index:
            found, notes = find_candidates(path)
            self._answers.installed = self._index
            self._answers.candidates = tuple(found)
            self._answers.notes = tuple(notes)
        self.notes = self._answers.notes
        return list(self._answers.candidates)

    def describe(
        self, wanted: Collection[Candidate], *, again: AskAgain = lambda _: False
    ) -> dict[Candidate, PluginDescription]:
        """The descriptions of ``wanted``; those that no longer hold, or that ``again`` picks,
        are asked for, several at a time. Call :meth:`candidates` first."""
        models: list[str] = []

        def stamp(candidate: Candidate, *, reports: bool) -> str:
            if reports and not models:
                models.append(models_stamp(self._host.models_root))
            return _digest([*self._ground(candidate), *(models if reports else ())])

        found: dict[Candidate, PluginDescription] = {}
        for candidate in wanted:
            kept = self._answers.kept.get(_key(candidate))
            if (
                kept is not None
                and self._is_fresh(kept)
                and not again(kept.description)
                and kept.stamp == stamp(candidate, reports=kept.description.reports)
            ):
                found[candidate] = kept.description
        missing = [candidate for candidate in wanted if candidate not in found]
        before = {c: (stamp(c, reports=False), stamp(c, reports=True)) for c in missing}
        asked = self._asked(missing)
        if self._stop.is_set():  # what was given up says nothing about the plugin
            return found | dict(zip(missing, asked, strict=True))
        for candidate, description in zip(missing, asked, strict=True):
            found[candidate] = description
            plain, with_models = before[candidate]
            self._answers.kept[_key(candidate)] = _Kept(
                with_models if description.reports else plain, self._now(), description
            )
        if missing or self._answers.format != _FORMAT:
            self._write()
        return found

    def elsewhere(self, candidate: Candidate, interpreter: str) -> PluginDescription:
        """The description of a plugin that lives under another Python; never kept."""
        (found,) = self._asked([candidate], interpreter)
        return found

    def _asked(
        self, candidates: list[Candidate], interpreter: str | None = None
    ) -> list[PluginDescription]:
        if not candidates:
            return []
        from studio_worker_core.roster.describing import describe_plugins  # most starts only read

        return describe_plugins(
            candidates,
            self._host,
            seconds=self._seconds,
            interpreter=interpreter,
            stop=self._stop,
        )

    def _ground(self, candidate: Candidate) -> list[str]:
        """What an answer rests on, beside the models on disk."""
        places = (os.environ.get("PATH", ""), os.environ.get("LD_LIBRARY_PATH", ""))
        return [self._index, *places, str(self._host.models_root.absolute()), *stamps(candidate)]

    def _is_fresh(self, kept: _Kept) -> bool:
        most = _KEPT_SECONDS if kept.description.fault is None else _FAULT_SECONDS
        return 0 <= self._now() - kept.at < most

    def _write(self) -> None:
        if self._cache is None:
            return
        from studio_worker_core.storage.atomic import write_whole  # most starts only read

        known = {_key(candidate) for candidate in self._answers.candidates}
        self._answers.kept = {key: kept for key, kept in self._answers.kept.items() if key in known}
        self._answers.format = _FORMAT
        try:
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._cache, msgspec.json.encode(self._answers), sync=False)
        except (OSError, UnicodeEncodeError):
            return  # a read-only home, or paths without an encoding: costs time, nothing else


def models_stamp(root: Path) -> str:
    """Changes when a file under ``root`` comes, goes or changes; the first 20,000 are looked at."""
    lines: list[str] = []
    for directory, inner, names in os.walk(root):
        inner.sort()
        for name in sorted(name for name in names if not name.endswith(".part")):
            path = os.path.join(directory, name)
            try:
                found = os.stat(path)
            except OSError:
                continue
            lines.append(f"{path} {found.st_size} {found.st_mtime_ns}")
        if len(lines) >= _MOST_MODEL_FILES:
            break
    return _digest(lines)


def _read(cache: Path | None) -> _Answers:
    if cache is None:
        return _Answers()
    try:
        answers = msgspec.json.decode(cache.read_bytes(), type=_Answers)
    except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError):
        return _Answers()
    return answers if answers.format == _FORMAT else _Answers()


def _key(candidate: Candidate) -> str:
    return f"{candidate.distribution}\n{candidate.name}\n{candidate.value}"


def _digest(lines: Sequence[str]) -> str:
    text = "\n".join(lines)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
