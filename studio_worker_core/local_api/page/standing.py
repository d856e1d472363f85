"""What the worker does now, as it is always in sight."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from studio_worker_core.local_api.page.creations import Creation
from studio_worker_core.local_api.page.words import KINDS


class Standing(Struct, frozen=True):
    """A word, how it is to be read, and what is being done."""

    word: str
    tone: str
    icon: str
    doing: str = ""
    fraction: float | None = None


def standing_of(recent: Sequence[Creation], *, is_busy: bool) -> Standing:
    """What a glance should tell.

    :param recent: what was started from the page, the newest first.
    """
    running = [each for each in recent if each.state == "running"]
    waiting = sum(each.state == "waiting" for each in recent)
    if running:
        now = running[-1]
        doing = f"{KINDS[now.kind].label} by {now.model.id}"
        if waiting:
            doing += f", {waiting} waiting"
        return Standing("Working", "busy", "play", doing, now.fraction)
    if is_busy:
        return Standing("Working", "busy", "play", "for another program or the studio")
    return Standing("Ready", "good", "check")
