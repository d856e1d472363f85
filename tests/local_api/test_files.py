"""Results that are handed out by address, for an hour."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio_worker_core.local_api import files
from studio_worker_core.local_api.discovery import announce, read, withdraw
from studio_worker_core.secrets import Secret


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def made(tmp_path: Path, size: int = 3) -> Path:
    path = tmp_path / "result.png"
    path.write_bytes(b"x" * size)
    return path


def test_a_file_is_kept_for_an_hour_and_no_longer(tmp_path: Path) -> None:
    clock = Clock()
    kept = files.ResultFiles(clock)
    name = kept.keep(made(tmp_path), "image/png")
    found = kept.find(name)
    assert found is not None
    assert found.path.read_bytes() == b"xxx"
    clock.now = files.HOUR - 1
    assert kept.find(name) is not None
    clock.now = files.HOUR
    assert kept.find(name) is None
    assert not found.path.exists()
    kept.close()


def test_beyond_the_bound_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 5)
    kept = files.ResultFiles()
    first, second = (kept.keep(made(tmp_path), "image/png") for _ in range(2))
    assert kept.find(first) is None
    there = kept.find(second)
    assert there is not None
    kept.close()
    assert not there.path.parent.exists()


def test_the_discovery_file_is_private_and_only_its_own_writer_removes_it(tmp_path: Path) -> None:
    announce(tmp_path, "http://127.0.0.1:4787/", Secret("s3cret-token"))
    found = read(tmp_path)
    assert found is not None
    assert (found.url, found.token) == ("http://127.0.0.1:4787", "s3cret-token")
    assert (tmp_path / "local-api.json").stat().st_mode & 0o077 == 0
    withdraw(tmp_path, "http://127.0.0.1:1")
    assert read(tmp_path) is not None
    withdraw(tmp_path, "http://127.0.0.1:4787")
    assert read(tmp_path) is None
    withdraw(tmp_path, "http://127.0.0.1:4787")
    (tmp_path / "local-api.json").write_bytes(b"\xff{")
    assert read(tmp_path) is None
