"""One file from a URL to disk: resumed, bounded, checked, and only then given its name."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from pathlib import Path

from studio_worker_core.downloads.acceptance import check_kind, what_is_wrong
from studio_worker_core.downloads.addresses import shown_url
from studio_worker_core.downloads.answers import Body, body_of
from studio_worker_core.downloads.fetching import Fetcher
from studio_worker_core.downloads.partial_file import PartialFile, PartState
from studio_worker_core.downloads.refusals import refusal
from studio_worker_core.downloads.transfers import Interrupted, TransferLine
from studio_worker_core.downloads.wanted import Fetched, Wanted
from studio_worker_core.errors import DownloadFailed, ModelStoreError, SourceRefused
from studio_worker_core.retrying import Backoff
from studio_worker_core.storage.disk import free_bytes, is_full, shown_bytes

_log = logging.getLogger("studio_worker.downloads.downloading")

_CHUNK = 1 << 20
_LEAST_STEP = 64 << 10
_SLACK_BYTES = 64 << 20
_LONGEST_ASKED_PAUSE = 120.0

OnBytes = Callable[[int, int | None], None]
"""Bytes there so far, bytes in all when known."""


class Downloader:
    """Downloads files.

    An attempt that brought new bytes starts the count of ``attempts`` afresh, so a server
    that cuts every connection is outlasted, while one that never gets further is not.
    Pauses between attempts grow from ``first_pause`` to ``longest_pause`` seconds.
    Every ``floor_bytes`` have to come within ``floor_seconds``: a server that drips is left.
    ``reserve_bytes`` of the disk are never used.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        *,
        attempts: int = 6,
        first_pause: float = 1.0,
        longest_pause: float = 30.0,
        floor_bytes: int = 256 << 10,
        floor_seconds: float = 60.0,
        max_bytes: int = 500 * 10**9,
        reserve_bytes: int = 256 << 20,
        free: Callable[[Path], int] = free_bytes,
        roll: Callable[[], float] = random.random,
    ) -> None:
        self._fetcher = fetcher
        self._attempts = attempts
        self._backoff = Backoff(first_pause, longest_pause, low=0.5)
        self._floor_bytes = floor_bytes
        self._floor_seconds = floor_seconds
        self._max_bytes = max_bytes
        self._reserve = reserve_bytes
        self._free = free
        self._roll = roll

    def fetch(self, wanted: Wanted, line: TransferLine, on_bytes: OnBytes | None = None) -> Fetched:
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
                    wrong = what_is_wrong(wanted, part, line.check)
                    if wrong is None:
                        fetched = Fetched(part.checksum(), part.size, part.state.etag)
                        part.publish(keep_old=wanted.keep_old)
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

    def _part(self, wanted: Wanted, line: TransferLine) -> PartialFile:
        sha256 = wanted.sha256.lower() if wanted.sha256 else None
        return PartialFile(wanted.target, PartState(wanted.url, sha256), line.check)

    def _complete(
        self, wanted: Wanted, part: PartialFile, line: TransferLine, report: OnBytes
    ) -> None:
        furthest, failures = part.size, 0
        while True:
            try:
                return self._attempt(wanted, part, line, report)
            except Interrupted as error:
                line.lift()
                line.check()
                # A byte a connection is no progress, or a download would never end.
                is_further = part.size >= furthest + _LEAST_STEP
                failures = 1 if is_further else failures + 1
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
        own = self._backoff.pause(failures, self._roll())
        return own if asked is None else max(own, min(asked, _LONGEST_ASKED_PAUSE))

    def _attempt(
        self, wanted: Wanted, part: PartialFile, line: TransferLine, report: OnBytes
    ) -> None:
        validator = part.state.validator
        if part.size and part.size == part.state.total:
            return
        headers = {}
        if part.size and validator is None:
            part.restart()
        if part.size and validator is not None:
            headers = {"Range": f"bytes={part.size}-", "If-Range": validator}
        shown = shown_url(wanted.url)
        with self._fetcher.open(wanted.url, wanted.policy, line, headers) as response:
            if response.status not in (200, 206) and (response.status != 416 or not part.size):
                with_token = self._fetcher.sends_token_to(wanted.url)
                raise refusal(response, shown, with_token=with_token)
            body = body_of(response, shown, part.size, part.state)
            if body is None:
                part.restart()
                raise Interrupted(
                    f"{shown}: the server's answer does not fit what was asked for",
                    what=wanted.target.name,
                )
            if body.start != part.size:
                part.restart()
            self._receive(wanted, part, body, line, report)

    def _receive(
        self, wanted: Wanted, part: PartialFile, body: Body, line: TransferLine, report: OnBytes
    ) -> None:
        most = self._most(wanted)
        if body.total is not None:
            self._check_size(wanted, body.total, most)
            self.check_room(body.total - part.size, wanted.target.parent, wanted.target.name)
        check_kind(wanted, body)
        dated = body.last_modified or (part.state.last_modified if body.start else None)
        part.describe(body.etag, dated, body.total, body.media_type)
        report(part.size, body.total)
        pace = self._pace(wanted, line)
        while chunk := body.read(_CHUNK):
            pace(len(chunk))
            if part.size + len(chunk) > most:
                part.discard()
                self._check_size(wanted, part.size + len(chunk), most)
            part.write(chunk)
            report(part.size, body.total)
        line.allow(None)
        if body.total is not None and part.size != body.total:
            raise Interrupted(
                f"{shown_url(wanted.url)}: {part.size} of {body.total} bytes came",
                what=wanted.target.name,
            )

    def _pace(self, wanted: Wanted, line: TransferLine) -> Callable[[int], None]:
        """To be told of the bytes that came; puts their next deadline on ``line``."""
        seconds, floor = self._floor_seconds, self._floor_bytes
        lateness = (
            f"{shown_url(wanted.url)}: the server sends less than {shown_bytes(floor)} in "
            f"{seconds:g} s"
        )
        line.allow(seconds, lateness)
        since = 0

        def came(count: int) -> None:
            nonlocal since
            line.check()
            since += count
            if since >= floor:
                since = 0
                line.allow(seconds, lateness)

        return came

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
        if not is_full(error):
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


def _ignore(done: int, total: int | None) -> None:
    del done, total
