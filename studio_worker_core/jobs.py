"""Doing one job: model files, inputs, engine, and its result into the outbox."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.wire.frames import Claim

__all__ = ["JobRunner", "Report"]

Report = Callable[[float, str | None], None]
"""Called with how far the job is, 0 to 1 and never backwards, and a few words."""


class JobRunner:
    """Runs accepted claims one at a time."""

    def __init__(self, roster: Any, lanes: Any, models: Any, inputs: Any, outbox: Outbox) -> None:
        self._outbox = outbox

    def run(
        self,
        claim: Claim,
        *,
        worker_id: str,
        session_number: int | None,
        cancel: threading.Event,
        report: Report,
    ) -> Entry:
        """Do the job; its result is on disk, fsynced, when this returns.

        A job whose result is already in the outbox (the studio offers it again, having lost
        sight of us) is not done twice: the kept result is returned.

        Raises:
            JobError: whatever went wrong, once; ``retryable`` is what ``fail`` should say.
        """
        raise NotImplementedError
