"""A result that waits is put on stable storage; one that is delivered at once need not be."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from studio_worker_core.config import OutboxLimits
from studio_worker_core.delivery.syncing import Syncing
from studio_worker_core.errors import OutboxError
from studio_worker_core.outbox import Entry, Outbox
from tests.delivery.conftest import Field, Results
from tests.support.waiting import eventually


class WatchedOutbox(Outbox):
    """Remembers what it was asked to sync, and may fail at it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, OutboxLimits)
        self.synced: list[str] = []
        self.fails = False

    def sync(self, entry: Entry) -> None:
        super().sync(entry)
        self.synced.append(entry.job_id)
        if self.fails:
            raise OutboxError("the disk failed", path=entry.directory)


@pytest.fixture
def outbox(tmp_path: Path) -> WatchedOutbox:
    box = WatchedOutbox(tmp_path / "outbox")
    box.recover()
    return box


def test_one_that_is_still_on_its_way_after_a_moment_is_synced(
    outbox: WatchedOutbox, field: Field, results: Results
) -> None:
    entry = results.picture(outbox)
    field.studio.holding.add(entry.job_id)
    field.now = 100.0
    field.delivery.start()
    field.delivery.submit(entry)
    assert field.studio.started.wait(60)
    field.now = 101.0
    field.delivery.on_complete_ack("another")  # it looks at its clock again
    eventually("it was synced", lambda: outbox.synced == [entry.job_id])
    field.studio.released.set()


def test_what_left_within_the_moment_is_never_synced(
    outbox: WatchedOutbox, results: Results
) -> None:
    now = [0.0]
    syncing = Syncing(outbox, lambda: now[0], seconds=0.02)
    gone, stays = results.picture(outbox, "gone"), results.picture(outbox, "stays")
    syncing.add(gone)
    syncing.add(stays)
    syncing.look()
    assert (outbox.synced, syncing.due) == ([], 0.02)
    syncing.forget(gone)
    now[0] = 0.02
    syncing.look()
    assert (outbox.synced, syncing.due) == (["stays"], None)


def test_a_stop_syncs_what_is_left(outbox: WatchedOutbox, field: Field, results: Results) -> None:
    field.studio.down = True
    field.delivery.start()
    entry = results.picture(outbox)
    field.delivery.submit(entry)
    field.stop.set()
    assert field.delivery.join(60)
    assert outbox.synced == [entry.job_id]


def test_a_disk_that_fails_is_said_and_costs_no_delivery(
    outbox: WatchedOutbox, results: Results, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.fails = True
    syncing = Syncing(outbox, lambda: 0.0, seconds=0.0)
    syncing.add(results.picture(outbox))
    syncing.look()
    assert "may be lost if the power fails" in caplog.text
    assert syncing.due is None


def test_many_threads_may_hand_in_results(outbox: WatchedOutbox, results: Results) -> None:
    syncing = Syncing(outbox, lambda: 0.0, seconds=1.0)
    entries = [results.picture(outbox, f"job-{number}") for number in range(20)]
    threads = [threading.Thread(target=syncing.add, args=(entry,)) for entry in entries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    syncing.finish()
    assert sorted(outbox.synced) == sorted(entry.job_id for entry in entries)
