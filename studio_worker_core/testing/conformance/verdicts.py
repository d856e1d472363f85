"""What a check found: a finding for each check and kind, and the report of all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from studio_worker_core.wire.tasks import TaskKind

Verdict = Literal["passed", "failed", "skipped"]


class NotMet(Exception):
    """The engine does not keep the contract; the text says how, for its author."""


class NotChecked(Exception):
    """This check cannot be made here; the text says why."""


class Finding(Struct, frozen=True):
    """The result of one check, for one kind of task where it is made for each kind."""

    check: str
    meaning: str
    """What holds when it passes, in one line."""
    outcome: Verdict
    detail: str
    """What was found, or why it failed or was skipped."""
    kind: TaskKind | None = None
    seconds: float = 0.0


OnFinding = Callable[[Finding], None]


class Report(Struct, frozen=True):
    """All findings about one engine."""

    engine: str
    distribution: str
    version: str
    findings: Sequence[Finding]

    @property
    def failed(self) -> list[Finding]:
        """The findings that keep the engine from being called conformant."""
        return [finding for finding in self.findings if finding.outcome == "failed"]

    @property
    def unproven(self) -> list[TaskKind]:
        """The kinds of task of which not one check could be made: no job of theirs was done."""
        kinds = dict.fromkeys(finding.kind for finding in self.findings)
        tried = {finding.kind for finding in self.findings if finding.outcome != "skipped"}
        return [kind for kind in kinds if kind is not None and kind not in tried]

    @property
    def passed(self) -> bool:
        """Whether at least one check was made, none failed, and no kind of task was left out."""
        made = any(finding.outcome == "passed" for finding in self.findings)
        return made and not self.failed and not self.unproven

    def as_object(self) -> dict[str, Any]:
        """For ``engines check --json``; new keys are only ever added at the end."""
        counts = {
            outcome: sum(finding.outcome == outcome for finding in self.findings)
            for outcome in ("passed", "failed", "skipped")
        }
        return {
            "engine": self.engine,
            "distribution": self.distribution,
            "version": self.version,
            "ok": self.passed,
            **counts,
            "findings": [msgspec.to_builtins(finding) for finding in self.findings],
            "unproven": [kind.value for kind in self.unproven],
        }
