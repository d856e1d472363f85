"""Causes of death in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio_worker_core.processes.deaths import (
    cause_of_death,
    memory_is_short,
    oom_kills,
)
from studio_worker_core.processes.exit_codes import CLOSED_CHANNEL


@pytest.mark.parametrize(
    ("returncode", "out_of_memory", "expected"),
    [
        (0, False, "its process exited with code 0"),
        (3, True, "its process exited with code 3"),
        (-11, True, "its process was killed by SIGSEGV (segmentation fault)"),
        (-9, False, "its process was killed by SIGKILL"),
        (-9, True, "its process was killed (SIGKILL), probably out of memory"),
        (-15, False, "its process was killed by SIGTERM"),
        (-250, False, "its process was killed by signal 250"),
        (CLOSED_CHANNEL, False, "its process closed the control channel"),
    ],
)
def test_a_return_code_becomes_a_sentence(
    returncode: int, out_of_memory: bool, expected: str
) -> None:
    assert cause_of_death(returncode, out_of_memory=out_of_memory, output=[]) == expected


def test_the_last_lines_are_shown_and_bounded() -> None:
    text = cause_of_death(1, out_of_memory=False, output=["x" * 2000, "the end"])
    assert text.endswith("the end")
    assert len(text) < 1600


def test_kills_for_want_of_memory_are_counted_from_the_kernel_and_the_control_group(
    tmp_path: Path,
) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/vmstat").write_text("nr_free 1\noom_kill 2\n")
    (tmp_path / "proc/self/cgroup").write_text("0::/box\n")
    group = tmp_path / "sys/fs/cgroup/box"
    group.mkdir(parents=True)
    (group / "memory.events").write_text("low 0\noom 5\noom_kill 3\n")
    assert oom_kills(tmp_path) == 5
    (group / "memory.max").write_text("1000000\n")
    (group / "memory.current").write_text("900000\n")
    assert memory_is_short(900_000, tmp_path)
    assert not memory_is_short(500_000, tmp_path)
    (group / "memory.max").write_text("max\n")
    assert not memory_is_short(900_000, tmp_path)


def test_a_system_that_does_not_count_counts_nothing(tmp_path: Path) -> None:
    assert oom_kills(tmp_path) == 0
