"""Keeping the roster of a running worker true: new models, and plugins that were asked again."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from studio_worker_core.roster.descriptions import models_stamp
from studio_worker_core.roster.roster import Roster

_log = logging.getLogger("studio_worker.roster.watching")

LOOK_SECONDS = 5.0
REFRESH_SECONDS = 300.0


def watch(
    roster: Roster,
    models_root: Path,
    cache: Path | None,
    stop: threading.Event,
    *,
    look_seconds: float = LOOK_SECONDS,
    ask_seconds: float = REFRESH_SECONDS,
) -> None:
    """Refresh ``roster`` until ``stop`` is set: when a file under ``models_root`` changes, when
    another process has asked the plugins again (it writes ``cache``), and every ``ask_seconds``.
    """
    seen: object = None  # what came between the start and now is looked at too
    waited = 0.0
    while not stop.wait(look_seconds):
        waited += look_seconds
        # Looked at before the plugins are: a change meanwhile is seen the next time.
        now = (models_stamp(models_root), _time_of(cache))
        ask = waited >= ask_seconds
        if now == seen and not ask:
            continue
        seen = now
        waited = 0.0 if ask else waited
        if roster.refresh(ask=ask):
            _log.info("what the engines offer has changed")


def _time_of(cache: Path | None) -> int:
    try:
        return cache.stat().st_mtime_ns if cache is not None else 0
    except OSError:
        return 0
