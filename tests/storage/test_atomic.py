"""A file is the old one or the new one, whatever ends its writer."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from studio_worker_core.storage.atomic import (
    draft_beside,
    is_draft,
    remove_drafts,
    replacing,
    write_whole,
)
from tests.support.faulty_disk import Crash, Fault, FaultyDisk

OLD, NEW = b"old", b"new and longer"


def drafts(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if is_draft(path.name)]


@pytest.mark.parametrize("step", range(3))
@pytest.mark.parametrize("fault", ["crash before", "crash half", "crash after"])
def test_a_crash_at_any_step_leaves_the_old_file_or_the_new(
    tmp_path: Path, fault: Fault, step: int
) -> None:
    path, disk = tmp_path / "file", FaultyDisk()
    path.write_bytes(OLD)
    disk.arm(fault, step=step)
    with pytest.raises(Crash):
        write_whole(path, NEW, disk=disk)
    assert path.read_bytes() in (OLD, NEW)
    remove_drafts(path)
    assert drafts(tmp_path) == []


@pytest.mark.parametrize("step", range(2))
def test_a_full_disk_leaves_the_old_file_and_no_draft(tmp_path: Path, step: int) -> None:
    path, disk = tmp_path / "file", FaultyDisk()
    path.write_bytes(OLD)
    disk.arm("full", step=step)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, NEW, disk=disk)
    assert path.read_bytes() == OLD
    assert drafts(tmp_path) == []


def test_what_is_written_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(OLD)
    path.chmod(0o644)
    write_whole(path, NEW)
    assert path.read_bytes() == NEW
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    behind, link = tmp_path / "behind", tmp_path / "link"
    behind.write_bytes(OLD)
    link.symlink_to(behind)
    write_whole(link, NEW)
    assert not link.is_symlink()
    assert behind.read_bytes() == OLD


@pytest.mark.parametrize("name", ["n" * 255, "ü" * 127, b"\xff".decode("utf-8", "surrogateescape")])
def test_a_file_of_any_name_can_be_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_whole(path, OLD)
    write_whole(path, NEW)
    assert path.read_bytes() == NEW


def test_writers_at_once_leave_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    texts = [bytes([65 + number]) * 100_000 for number in range(6)]

    def write(text: bytes) -> None:
        for _ in range(5):
            write_whole(path, text)

    threads = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert path.read_bytes() in texts
    assert drafts(tmp_path) == []


def test_only_the_drafts_of_that_file_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    others = [path, tmp_path / "config.toml.tmp", tmp_path / ".config.toml.mine.tmp"]
    others += [draft_beside(tmp_path / "models.json"), draft_beside(tmp_path / "a.config.toml")]
    for each in [*others, draft_beside(path), draft_beside(path)]:
        each.write_bytes(OLD)
    remove_drafts(path)
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_a_block_that_raises_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "result.png"
    path.write_bytes(OLD)

    def broken() -> None:
        with replacing(path) as file:
            file.write(NEW)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert path.read_bytes() == OLD
    assert drafts(tmp_path) == []


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "result.png"
    path.write_bytes(OLD)
    path.chmod(0o640)
    with replacing(path) as file:
        file.write(NEW)
        assert path.read_bytes() == OLD
    assert path.read_bytes() == NEW
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
