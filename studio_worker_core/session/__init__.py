"""One WebSocket session with the studio (protocol §3), on an already open connection.

:mod:`.machine` decides (pure), :mod:`.outgoing` holds what waits to be sent,
:mod:`.conversation` owns the threads and does what the machine says.
"""

from __future__ import annotations

from studio_worker_core.session.conversation import Session
from studio_worker_core.session.endings import EndReason, SessionEnded
from studio_worker_core.session.handler import JobFrame, Outlet, SessionHandler
from studio_worker_core.session.machine import HandlerFrame
from studio_worker_core.session.timings import Timings

__all__ = [
    "EndReason",
    "HandlerFrame",
    "JobFrame",
    "Outlet",
    "Session",
    "SessionEnded",
    "SessionHandler",
    "Timings",
]
