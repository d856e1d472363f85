"""Keeping the outbox from filling the disk."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from studio_worker_core.config import OutboxLimits
from studio_worker_core.outbox.layout import Layout, shown
from studio_worker_core.outbox.manifest import MANIFEST_NAME, Entry
from studio_worker_core.outbox.ownership import is_ours
from studio_worker_core.storage.disk import Disk, shown_bytes

BYTES_PER_GB = 1_000_000_000
_NEAR = 0.9
"""Part of ``max_gb`` from which on no offers are taken: the running job needs some too."""

_log = logging.getLogger("studio_worker.outbox")


class _Kept(Struct, frozen=True):
    path: Path
    since: datetime
    bytes: int
    ages: bool = True
    """Whether it goes with time."""


def prune(
    layout: Layout, disk: Disk, limits: OutboxLimits, refused: list[Entry], now: datetime
) -> list[Path]:
    """Remove the refused and corrupt that are older than ``refused_days``, then the oldest
    until each kind takes at most ``refused_max_gb``. Returns what was removed; also logged."""
    removed: list[Path] = []
    found = (_corrupt(path) for path in layout.corrupt.glob("*") if _is_ours(path))
    corrupt = [each for each in found if each is not None]
    for kept in (_refused(refused), corrupt):
        for each in _too_much(kept, limits, now):
            # The manifest first: a removal that is cut short leaves nothing that looks whole.
            if each.path.is_dir():
                disk.remove_file(each.path / MANIFEST_NAME)
                disk.remove_tree(each.path)
            else:
                disk.remove_file(each.path)
            removed.append(each.path)
            _log.info(
                "pruned %s (%s, kept since %s)",
                shown(each.path),
                shown_bytes(each.bytes),
                each.since.date(),
            )
    return removed


def _is_ours(path: Path) -> bool:
    # What a person or another program put into the outbox is never deleted.
    try:
        return path.is_dir() and not path.is_symlink() and is_ours(path)
    except OSError:
        return False


def _refused(entries: list[Entry]) -> list[_Kept]:
    return [
        _Kept(
            entry.directory,
            entry.manifest.refused.at if entry.manifest.refused else entry.manifest.created,
            entry.manifest.bytes,
            # Credentials that no longer count say nothing about the result (protocol §3, revoked).
            ages=entry.manifest.refused is None or entry.manifest.refused.status != 401,
        )
        for entry in entries
    ]


def _corrupt(path: Path) -> _Kept | None:
    try:
        facts = path.lstat()
        size = facts.st_size + sum(each.lstat().st_size for each in path.rglob("*"))
    except FileNotFoundError:
        return None
    return _Kept(path, datetime.fromtimestamp(facts.st_ctime, UTC), size)


def _too_much(kept: list[_Kept], limits: OutboxLimits, now: datetime) -> list[_Kept]:
    oldest_first = sorted(kept, key=lambda each: (each.since, each.path))
    doomed: list[_Kept] = []
    left = sum(each.bytes for each in kept)
    for each in oldest_first:
        too_old = (
            each.ages
            and limits.refused_days > 0
            and each.since < now - timedelta(days=min(limits.refused_days, 100_000))
        )
        too_many = limits.refused_max_gb > 0 and left > limits.refused_max_gb * BYTES_PER_GB
        if too_old or too_many:
            doomed.append(each)
            left -= each.bytes
    return doomed


def reason_for_no_offers(limits: OutboxLimits, *, used: int, free: int, root: Path) -> str | None:
    """Why ``used`` bytes of waiting results and ``free`` bytes of disk allow no more work."""
    if limits.max_gb > 0 and used >= limits.max_gb * BYTES_PER_GB * _NEAR:
        return (
            f"the outbox holds {shown_bytes(used)} that the studio has not taken "
            f"(outbox.max_gb is {limits.max_gb:g})"
        )
    if free < limits.min_free_gb * BYTES_PER_GB:
        return (
            f"only {shown_bytes(free)} free on the disk of {root} "
            f"(outbox.min_free_gb is {limits.min_free_gb:g})"
        )
    return None
