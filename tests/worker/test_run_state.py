"""The file through which commands speak to a worker that runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from studio_worker_core.errors import ConfigError, NotRunning
from studio_worker_core.worker.run_state import PauseSwitch, is_paused, set_paused
from tests.support.faulty_disk import FaultyDisk


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "daemon.lock"


def state_file(lock: Path) -> Path:
    return lock.with_name("daemon.run.json")


def test_a_command_reaches_the_run_it_is_meant_for(lock: Path) -> None:
    with PauseSwitch(lock, paused=False) as switch:
        assert not switch()
        set_paused(lock, os.getpid(), True)
        assert switch()
        assert is_paused(lock, os.getpid()) is True
        assert is_paused(lock, os.getpid() + 1) is None
    assert not state_file(lock).exists()


def test_only_a_pause_that_says_so_frees_the_memory(lock: Path) -> None:
    with PauseSwitch(lock, paused=False) as switch:
        for paused, unload, frees in (
            (True, False, False),
            (True, True, True),
            (False, True, False),
        ):
            set_paused(lock, os.getpid(), paused, unload=unload)
            assert switch() is paused
            assert switch.unloads is frees
        set_paused(lock, os.getpid(), True, unload=True)
        assert switch()
        switch.turn(True)
        assert not switch.unloads


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"pid": 1}',
        '{"pid": "x", "paused": true}',
        "\udcff",
        "9" * 100_000,
        '{"x": ' + "[" * 60_000,
    ],
)
def test_a_file_that_is_damaged_or_gone_leaves_the_pause_as_it_is(lock: Path, text: str) -> None:
    with PauseSwitch(lock, paused=True) as switch:
        set_paused(lock, os.getpid(), True)
        state_file(lock).write_bytes(text.encode("utf-8", "surrogateescape"))
        assert switch()
        state_file(lock).unlink()
        assert switch()
        os.mkfifo(state_file(lock))
        assert switch()


def test_what_another_run_left_is_no_business_of_this_one(lock: Path) -> None:
    state_file(lock).write_text(f'{{"pid": {os.getpid()}, "paused": true}}', "utf-8")
    with PauseSwitch(lock, paused=False) as switch:
        assert not switch()


def test_a_start_that_cannot_write_does_not_listen_to_an_old_file(
    lock: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state_file(lock).write_text(f'{{"pid": {os.getpid()}, "paused": true}}', "utf-8")
    disk = FaultyDisk()
    disk.arm("full", step=0)
    with PauseSwitch(lock, paused=False, disk=disk) as switch:
        assert "'studio-worker pause' cannot reach this worker" in caplog.text
        assert not switch()


def test_a_program_that_does_not_listen_is_told_apart(lock: Path) -> None:
    with pytest.raises(NotRunning, match=r"process 17 holds .* does not listen"):
        set_paused(lock, 17, True)


def test_the_worker_itself_turns_the_switch_and_the_commands_see_it(lock: Path) -> None:
    with PauseSwitch(lock, paused=False) as switch:
        switch.turn(True)
        assert switch()
        assert is_paused(lock, os.getpid()) is True
        set_paused(lock, os.getpid(), False)
        assert not switch()


def test_a_worker_that_no_command_reaches_turns_its_switch_all_the_same(lock: Path) -> None:
    disk = FaultyDisk()
    disk.arm("full", step=0)
    with PauseSwitch(lock, paused=False, disk=disk) as switch:
        switch.turn(True)
        assert switch()


def test_a_switch_whose_file_cannot_be_written_stays_as_it_was(lock: Path) -> None:
    disk = FaultyDisk()
    with PauseSwitch(lock, paused=False, disk=disk) as switch:
        disk.arm("full", step=0)
        with pytest.raises(ConfigError):
            switch.turn(True)
        assert not switch()
