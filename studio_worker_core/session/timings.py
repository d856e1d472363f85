"""The intervals of a session."""

from __future__ import annotations

from msgspec import Struct


class Timings(Struct, frozen=True):
    """The intervals of a session, in seconds; the defaults are the protocol's."""

    heartbeat: float = 5.0
    logs: float = 1.0
    silence: float = 20.0
    """Without any frame from the studio for this long a session is dead."""
    progress: float = 0.5
    """Shortest pause between two ``progress`` frames of one job."""
    flush: float = 3.0
    """Longest time a stopped session takes to send what is queued and close."""
    goodbye: float = 1.0
    """Longest time the closing handshake takes when there is nothing left to send."""
    stop_poll: float = 0.1
    """How often the stop event is looked at while nothing else happens."""
