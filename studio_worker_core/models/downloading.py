"""One file from a URL to disk: resumed, bounded, checked, and only then given its name."""

from __future__ import annotations

import errno
import logging
import random
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from studio_worker_core.errors import DownloadFailed, ModelStoreError, SourceRefused
from studio_worker_core.host.disk import free_bytes, shown_bytes
from studio_worker_core.models.answers import Body, body_of
from studio_worker_core.models.fetching import Fetcher
from studio_worker_core.models.guard import AddressPolicy, shown_url
from studio_worker_core.models.partial_file import PartialFile, PartState
from studio_worker_core.models.transfers import Interrupted, Line

__all__ = ["Downloader", "Fetched", "Wanted"]

_log = logging.getLogger("studio_worker.models.downloading")

_CHUNK = 1 << 20
_DISK_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_SLACK_BYTES = 64 << 20
_LONGEST_ASKED_PAUSE = 120.0

OnBytes = Callable[[int, int | None], None]
"""Bytes there so far, bytes in all when known."""


class Wanted(Struct, frozen=True):
    """A file to have at ``target``. ``sha256`` is hex; ``approx_bytes`` an estimate."""

    url: str
    target: Path
    policy: AddressPolicy
    sha256: str | None = None
    approx_bytes: int | None = None


class Fetched(Struct, frozen=True):
    """What was downloaded."""

    sha256: str
    size: int
    etag: str | None


class Downloader:
    """Downloads files.

    An attempt that brought new bytes starts the count of ``attempts`` afresh, so a server
    that cuts every connection is outlasted, while one that never gets further is not.
    Pauses between attempts grow from ``first_pause`` to ``longest_pause`` seconds.
    ``reserve_bytes`` of the disk are never used. ``check_sums=False`` is for the benchmark.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        *,
        attempts: int = 6,
        first_pause: float = 1.0,
        longest_pause: float = 30.0,
        max_bytes: int = 500 * 10**9,
        reserve_bytes: int = 256 << 20,
        free: Callable[[Path], int] = free_bytes,
        rng: random.Random | None = None,
    ) -> None:
        self._fetcher = fetcher
        self._attempts = attempts
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._max_bytes = max_bytes
        self._reserve = reserve_bytes
        self._free = free
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries, guards nothing

    def fetch(self, wanted: Wanted, line: Line, on_bytes: OnBytes | None = None) -> Fetched:
        """Download ``wanted``; its target appears complete and checked, or not at all.

        The caller holds the lock on the target. A part that is left behind is the start of
        the file and is taken up by the next call.

        Raises:
            DownloadFailed: network or server at fault, after all attempts.
            SourceRefused: forbidden address, too large, wrong checksum twice.
            ModelStoreError: the disk is full or cannot be written.
            HungUp: the line was hung up.
        """
        report = on_bytes or _ignore
        name = wanted.target.name
        try:
            for is_last in (False, True):
                with self._part(wanted, line) as part:
                    self._complete(wanted, part, line, report)
                    wrong = _what_is_wrong(wanted, part)
                    if wrong is None:
                        fetched = Fetched(part.checksum(), part.size, part.state.etag)
                        part.publish()
                        return fetched
                    part.discard()
                if is_last:
                    raise SourceRefused(f"{name} from {shown_url(wanted.url)} {wrong}", what=name)
                _log.warning("%s %s; downloading it once more", name, wrong)
            raise AssertionError("unreachable")
        except OSError as error:
            raise self._disk_error(wanted, error) from error

    def check_room(self, needed: int, where: Path, name: str) -> None:
        """Raises :class:`ModelStoreError` unless ``needed`` bytes fit beside ``where``."""
        free = self._free(where)
        if needed + self._reserve > free:
            raise ModelStoreError(
                f"{name} needs {shown_bytes(needed)} more ({needed} bytes, and "
                f"{shown_bytes(self._reserve)} are kept free), but only {shown_bytes(free)} "
                f"({free} bytes) are free at {where}; free some space or move models_root",
                what=name,
            )

    def _part(self, wanted: Wanted, line: Line) -> PartialFile:
        sha256 = wanted.sha256.lower() if wanted.sha256 else None
        return PartialFile(wanted.target, PartState(wanted.url, sha256), line.check)

    def _complete(self, wanted: Wanted, part: PartialFile, line: Line, report: OnBytes) -> None:
        furthest, failures = part.size, 0
        while True:
            try:
                return self._attempt(wanted, part, line, report)
            except Interrupted as error:
                line.check()
                failures = 1 if part.size > furthest else failures + 1
                furthest = max(furthest, part.size)
                if failures >= self._attempts:
                    raise DownloadFailed(
                        f"{error} (gave up after {failures} attempts without a step forward)",
                        what=wanted.target.name,
                    ) from error
                pause = self._pause(failures, error.retry_after)
                _log.info("%s; trying again in %.1f s", error, pause)
                line.pause(pause)

    def _pause(self, failures: int, asked: float | None) -> float:
        longest = min(self._first_pause * 2.0 ** (failures - 1), self._longest_pause)
        own = longest * (0.5 + self._rng.random() / 2)
        return own if asked is None else max(own, min(asked, _LONGEST_ASKED_PAUSE))

    def _attempt(self, wanted: Wanted, part: PartialFile, line: Line, report: OnBytes) -> None:
        if part.size and part.size == part.state.total:
            return
        headers = {}
        if part.size:
            headers["Range"] = f"bytes={part.size}-"
            if part.state.validator is not None:
                headers["If-Range"] = part.state.validator
        with self._fetcher.open(wanted.url, wanted.policy, line, headers) as response:
            body = body_of(response, shown_url(wanted.url), part.size, part.state)
            if body is None:
                part.restart()
                raise Interrupted(
                    f"{shown_url(wanted.url)}: the rest offered does not fit the part",
                    what=wanted.target.name,
                )
            if body.start != part.size:
                part.restart()
            self._receive(wanted, part, body, line, report)

    def _receive(
        self, wanted: Wanted, part: PartialFile, body: Body, line: Line, report: OnBytes
    ) -> None:
        most = self._most(wanted)
        if body.total is not None:
            self._check_size(wanted, body.total, most)
            self.check_room(body.total - part.size, wanted.target.parent, wanted.target.name)
        part.describe(body.etag, body.last_modified, body.total)
        report(part.size, body.total)
        while chunk := body.read(_CHUNK):
            line.check()
            if part.size + len(chunk) > most:
                part.discard()
                self._check_size(wanted, part.size + len(chunk), most)
            part.write(chunk)
            report(part.size, body.total)
        line.check()
        if body.total is not None and part.size != body.total:
            raise Interrupted(
                f"{shown_url(wanted.url)}: {part.size} of {body.total} bytes came",
                what=wanted.target.name,
            )

    def _most(self, wanted: Wanted) -> int:
        if wanted.approx_bytes is None:
            return self._max_bytes
        return min(self._max_bytes, wanted.approx_bytes * 2 + _SLACK_BYTES)

    def _check_size(self, wanted: Wanted, size: int, most: int) -> None:
        if size > most:
            name = wanted.target.name
            raise SourceRefused(
                f"{name} from {shown_url(wanted.url)} is too large: more than "
                f"{shown_bytes(most)} where {shown_bytes(wanted.approx_bytes or most)} "
                "were expected",
                what=name,
            )

    def _disk_error(self, wanted: Wanted, error: OSError) -> ModelStoreError:
        where = wanted.target.parent
        name = wanted.target.name
        if error.errno not in _DISK_FULL:
            return ModelStoreError(f"{name} cannot be written to {where}: {error}", what=name)
        needed = wanted.approx_bytes
        wish = f"about {shown_bytes(needed)}" if needed else "more room"
        try:
            free = shown_bytes(self._free(where))
        except OSError:
            free = "none"
        return ModelStoreError(
            f"the disk is full: {name} needs {wish}, {free} is free at {where}; what came so far "
            "is kept and the download goes on from there once there is space",
            what=name,
        )


def _what_is_wrong(wanted: Wanted, part: PartialFile) -> str | None:
    if wanted.sha256 is not None:
        if part.checksum() == wanted.sha256.lower():
            return None
        return f"has the wrong checksum: {part.checksum()} where {wanted.sha256.lower()} is due"
    if wanted.approx_bytes is not None and part.size < wanted.approx_bytes // 4:
        return (
            f"has only {shown_bytes(part.size)} where about {shown_bytes(wanted.approx_bytes)} "
            "were expected: probably an error page"
        )
    if part.size == 0:
        return "is empty"
    return None


def _ignore(done: int, total: int | None) -> None:
    del done, total
