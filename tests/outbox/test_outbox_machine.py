"""Any sequence of changes, crashes at any step, full disks and restarts: the books balance."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from studio_worker_core.config import OutboxLimits
from studio_worker_core.errors import OutboxError
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.wire.frames import Claim
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask
from tests.support.faulty_disk import Crash, Fault, FaultyDisk

FAULTS: list[Fault] = ["crash before", "crash half", "crash after", "full"]
JOBS = ("a", "b", "C/c")


class OutboxMachine(RuleBasedStateMachine):
    """``kept`` are the jobs whose ``finish`` returned and that nobody took out since;
    ``doubtful`` those where a crash fell into the change."""

    @initialize()
    def start(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="outbox-"))
        self.kept: set[str] = set()
        self.doubtful: set[str] = set()
        self.open()

    def open(self) -> None:
        self.disk = FaultyDisk()
        self.outbox = Outbox(self.root / "outbox", OutboxLimits, disk=self.disk)
        self.outbox.recover()

    def teardown(self) -> None:
        if hasattr(self, "root"):
            shutil.rmtree(self.root)

    def attempt(self, job: str, act: Callable[[], object], *, adds: bool) -> None:
        """Do one change; what it adds or removes is certain only when it went through."""
        try:
            act()
        except Crash:
            self.doubtful.add(job)
            self.kept.discard(job)
            self.open()
        except OutboxError:
            if not adds:
                return  # nothing changed
        else:
            self.doubtful.discard(job)
            if adds:
                self.kept.add(job)
            else:
                self.kept.discard(job)

    @rule(
        step=st.integers(0, 12),
        fault=st.sampled_from(["crash before", "crash half", "crash after", "full"]),
    )
    def arm(self, step: int, fault: str) -> None:
        self.disk.arm(fault, step=step)  # type: ignore[arg-type]

    @rule(job=st.sampled_from(JOBS), size=st.integers(1, 2000))
    def finish(self, job: str, size: int) -> None:
        if self.outbox.find(job) is not None:
            return

        def act() -> None:
            claim = Claim(
                job_id=job,
                model="m",
                task=ImageTask(prompt=job * size),
                model_source=ModelSource(engine="e"),
            )
            draft = self.outbox.begin(claim, "w", 1)
            result = draft.directory / "result.png"
            result.write_bytes(b"\x89PNG\r\n\x1a\n" + job.encode() * size)
            self.outbox.finish(draft, result)

        self.attempt(job, act, adds=True)

    def some(self, entries: list[Entry], number: int) -> Entry:
        return entries[number % len(entries)]

    @precondition(lambda self: self.outbox.pending())
    @rule(number=st.integers(0, 9))
    def acknowledge(self, number: int) -> None:
        entry = self.some(self.outbox.pending(), number)
        copies = [e for e in self.outbox.refused() if e.job_id == entry.job_id]
        self.attempt(entry.job_id, lambda: self.outbox.acknowledge(entry), adds=bool(copies))

    @precondition(lambda self: self.outbox.pending())
    @rule(number=st.integers(0, 9))
    def refuse(self, number: int) -> None:
        entry = self.some(self.outbox.pending(), number)
        self.survives(entry, lambda: self.outbox.refuse(entry, "no", 409))

    @precondition(lambda self: self.outbox.refused())
    @rule(number=st.integers(0, 9))
    def retry(self, number: int) -> None:
        entry = self.some(self.outbox.refused(), number)
        self.survives(entry, lambda: self.outbox.retry(entry))

    @precondition(lambda self: self.outbox.pending())
    @rule(number=st.integers(0, 9))
    def note_failure(self, number: int) -> None:
        entry = self.some(self.outbox.pending(), number)
        self.survives(entry, lambda: self.outbox.note_failure(entry, "503"))

    def survives(self, entry: Entry, act: Callable[[], object]) -> None:
        """A change that moves or rewrites must not lose the result, whatever happens."""
        try:
            act()
        except Crash:
            self.open()
        except OutboxError:
            pass
        assert entry.manifest.sha256 in {e.manifest.sha256 for e in self.everything()}

    @rule()
    def restart(self) -> None:
        self.disk.disarm()
        self.open()

    def everything(self) -> list[Entry]:
        return [*self.outbox.pending(), *self.outbox.refused()]

    @invariant()
    def nothing_finished_is_lost(self) -> None:
        if not hasattr(self, "outbox"):
            return
        there = {entry.job_id for entry in self.everything()}
        assert self.kept <= there
        assert there <= self.kept | self.doubtful
        assert self.outbox.corrupt() == []
        for entry in self.everything():
            assert entry.path.stat().st_size == entry.manifest.bytes


OutboxMachine.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
test_no_sequence_of_changes_and_crashes_loses_a_result = OutboxMachine.TestCase
