"""One WebSocket session with the studio (protocol §3), on an already open connection.

:mod:`.machine` decides (pure), :mod:`.outgoing` holds what waits to be sent,
:mod:`.conversation` owns the threads and does what the machine says.
"""

from __future__ import annotations

from studio_worker_core.session.conversation import Session
from studio_worker_core.session.endings import Ended, EndReason
from studio_worker_core.session.handler import (
    JobFrame,
    SessionHandler,
    Timings,
    fail_bad_offer,
)

__all__ = [
    "EndReason",
    "Ended",
    "JobFrame",
    "Session",
    "SessionHandler",
    "Timings",
    "fail_bad_offer",
]
