"""The outbox on disk."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from studio_worker_core.config import OutboxLimits
from studio_worker_core.outbox.manifest import Draft, Entry
from studio_worker_core.wire.frames import Claim

__all__ = ["FileAnswer", "JsonAnswer", "Outbox"]


@runtime_checkable
class FileAnswer(Protocol):
    """A result that is a file."""

    @property
    def path(self) -> Path:
        """The file, inside the draft's directory."""

    @property
    def ext(self) -> str:
        """The true type of its bytes, without a dot."""


@runtime_checkable
class JsonAnswer(Protocol):
    """A result that is a JSON value."""

    @property
    def value(self) -> Any:
        """The value."""


class Outbox:
    """Finished results until the studio acknowledges or refuses them for good."""

    def __init__(self, root: Path, limits: Callable[[], OutboxLimits]) -> None:
        self.root = root
        self.boot = uuid.uuid4().hex
        self._limits = limits

    def begin(self, claim: Claim, worker_id: str, session_number: int | None) -> Draft:
        """A directory for the result of ``claim``."""
        raise NotImplementedError

    def finish(
        self, draft: Draft, answer: FileAnswer | JsonAnswer, *, mime: str | None = None
    ) -> Entry:
        """Make a finished result out of a draft."""
        raise NotImplementedError

    def discard(self, draft: Draft) -> None:
        """Remove a draft."""
        raise NotImplementedError

    def find(self, job_id: str) -> Entry | None:
        """The finished, undelivered result of a job."""
        raise NotImplementedError

    def pending(self) -> list[Entry]:
        """Every finished result that waits for the studio, oldest first."""
        raise NotImplementedError

    def refused(self) -> list[Entry]:
        """Every result that is kept but will not be delivered, oldest first."""
        raise NotImplementedError

    def acknowledge(self, entry: Entry) -> None:
        """The studio has it: remove it."""
        raise NotImplementedError

    def refuse(self, entry: Entry, reason: str, status: int | None = None) -> Entry:
        """The studio will never take it: keep it under ``refused/``."""
        raise NotImplementedError

    def recover(self) -> Sequence[str]:
        """At start: drop half-written drafts, set corrupt manifests aside. Lines to log."""
        raise NotImplementedError

    def room(self) -> str | None:
        """Why no offers should be taken, or None."""
        raise NotImplementedError

    def prune(self) -> None:
        """Remove refused results that are too old or too many."""
        raise NotImplementedError
