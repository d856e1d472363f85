"""What the worker does now, as it is always in sight."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from studio_worker_core.local_api.daemon import DaemonStatus
from studio_worker_core.local_api.page.creations import Creation
from studio_worker_core.local_api.page.words import KINDS

_LINKS = {
    "starting": "starting",
    "registering": "registering",
    "pending": "waits for approval",
    "connecting": "connecting",
    "connected": "connected",
    "waiting": "trying again",
    "refused": "refused by the studio",
    "stopping": "stopping",
}


class Standing(Struct, frozen=True):
    """A word, how it is to be read, and what is being done."""

    word: str
    tone: str
    icon: str
    doing: str = ""
    fraction: float | None = None
    link: str = ""
    """The state of the connection to the studio, where there is one to be."""
    is_paused: bool | None = None
    """None where it cannot be paused from here."""
    memory_used: float | None = None
    """Share of the graphics card's memory."""


def standing_of(recent: Sequence[Creation], status: DaemonStatus | None = None) -> Standing:
    """What a glance should tell.

    :param recent: what was started from the page, the newest first.
    """
    now = _now(recent, status)
    if status is None:
        return now
    total = status.vram_total_gb
    return msgspec.structs.replace(
        now,
        link=_LINKS.get(status.state, ""),
        is_paused=status.paused,
        memory_used=(total - status.vram_free_gb) / total if total > 0 else None,
    )


def _now(recent: Sequence[Creation], status: DaemonStatus | None) -> Standing:
    running = [each for each in recent if each.state == "running"]
    waiting = sum(each.state == "waiting" for each in recent)
    if running:
        now = running[-1]
        doing = f"{KINDS[now.kind].label} by {now.model.id}"
        if waiting:
            doing += f", {waiting} waiting"
        return Standing("Working", "busy", "play", doing, now.fraction)
    jobs = status.active_jobs if status is not None else ()
    if jobs:
        words = KINDS.get(jobs[0].kind)  # type: ignore[call-overload]
        doing = f"{words.label if words else jobs[0].kind} by {jobs[0].model}"
        return Standing("Working", "busy", "play", doing, jobs[0].fraction)
    if status is not None and status.paused:
        return Standing("Paused", "warn", "pause")
    return Standing("Ready", "good", "check")
