"""At most one job at a time, whether it came from the studio or the local API (protocol §3)."""

from __future__ import annotations

import threading

__all__ = ["Gate"]


class Gate:
    """Held from accepting a job until its result is in the outbox, or it failed."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._holder: str | None = None

    def try_enter(self, job_id: str) -> bool:
        """Take the gate for ``job_id``; False when a job holds it, even the same one."""
        with self._free:
            if self._holder is not None:
                return False
            self._holder = job_id
            return True

    def leave(self, job_id: str) -> None:
        """Give the gate back; nothing happens unless ``job_id`` holds it."""
        with self._free:
            if self._holder == job_id:
                self._holder = None
                self._free.notify_all()

    @property
    def holder(self) -> str | None:
        """The job that holds the gate."""
        return self._holder

    def wait_free(self, timeout: float | None = None) -> bool:
        """Wait (seconds) until no job holds the gate; True when none does."""
        with self._free:
            return self._free.wait_for(lambda: self._holder is None, timeout)
