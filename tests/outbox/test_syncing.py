"""What is on stable storage, and when: a power cut takes what is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from studio_worker_core.config import OutboxLimits
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.storage.disk import Disk
from tests.outbox.conftest import Jobs


class CountedDisk(Disk):
    """The real one; remembers what it was asked to sync."""

    def __init__(self) -> None:
        self.synced: list[Path] = []

    def write_file(self, path: Path, data: bytes, *, sync: bool = True) -> None:
        super().write_file(path, data, sync=sync)
        if sync:
            self.synced.append(path)

    def sync_file(self, path: Path) -> None:
        super().sync_file(path)
        self.synced.append(path)

    def sync_directory(self, path: Path) -> None:
        super().sync_directory(path)
        self.synced.append(path)


@pytest.fixture
def disk() -> CountedDisk:
    return CountedDisk()


@pytest.fixture
def outbox(tmp_path: Path, disk: CountedDisk) -> Outbox:
    made = Outbox(tmp_path / "outbox", OutboxLimits, disk=disk)
    made.recover()
    disk.synced.clear()
    return made


@pytest.fixture
def finished(outbox: Outbox, jobs: Jobs) -> Callable[..., Entry]:
    def finish(*, synced: bool) -> Entry:
        draft = outbox.begin(jobs.image_claim(), "worker-1", 1)
        result = draft.directory / "result.png"
        result.write_bytes(jobs.png)
        return outbox.finish(draft, result, synced=synced)

    return finish


def led_to(entry: Entry) -> set[Path]:
    return {entry.path, entry.directory, entry.directory.parent}


def test_a_result_is_synced_with_all_that_leads_to_it(
    disk: CountedDisk, finished: Callable[..., Entry]
) -> None:
    entry = finished(synced=True)
    assert led_to(entry) <= set(disk.synced)
    assert any(path.name.startswith(".manifest.json") for path in disk.synced), "its draft"


def test_one_that_may_be_gone_in_a_moment_is_synced_when_it_stays(
    outbox: Outbox, disk: CountedDisk, finished: Callable[..., Entry]
) -> None:
    entry = finished(synced=False)
    assert disk.synced == []
    assert outbox.pending() == [entry], "whatever ends this process, it is there"
    outbox.sync(entry)
    assert set(disk.synced) == {*led_to(entry), entry.directory / "manifest.json"}


def test_one_that_has_gone_is_not_synced(
    outbox: Outbox, disk: CountedDisk, finished: Callable[..., Entry]
) -> None:
    entry = finished(synced=False)
    outbox.acknowledge(entry)
    outbox.sync(entry)
    assert disk.synced == []
