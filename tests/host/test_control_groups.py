"""Bounds of containers and services, read from files as the kernel writes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from studio_worker_core.host.control_groups import memory_left, memory_limit, usable_cpus

GIB = 2**30
NO_LIMIT_V1 = 9223372036854771712


def machine(root: Path, groups: str, files: dict[str, str]) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


def test_a_service_has_what_is_left_below_its_bound_and_its_files_count_as_left(
    tmp_path: Path,
) -> None:
    root = machine(
        tmp_path,
        "0::/system.slice/worker.service\n",
        {
            "system.slice/worker.service/memory.max": str(8 * GIB),
            "system.slice/worker.service/memory.current": str(7 * GIB),
            "system.slice/worker.service/memory.stat": (
                f"anon {GIB}\ninactive_file {4 * GIB}\nactive_file {GIB}\nshmem {GIB}"
            ),
        },
    )
    assert memory_limit(root) == 8 * GIB
    assert memory_left(root) == 6 * GIB


def test_the_tightest_of_the_groups_above_counts(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        "0::/slice/worker\n",
        {
            "slice/worker/memory.max": str(8 * GIB),
            "slice/worker/memory.current": str(GIB),
            "slice/memory.max": str(16 * GIB),
            "slice/memory.current": str(15 * GIB),
        },
    )
    assert memory_limit(root) == 8 * GIB
    assert memory_left(root) == GIB


@pytest.mark.parametrize("path", ["/", "/docker/5f0c", "/../../elsewhere"])
def test_a_container_may_see_its_group_at_the_root_of_the_mount(tmp_path: Path, path: str) -> None:
    files = {"memory.max": str(GIB), "memory.current": str(2 * GIB)}
    root = machine(tmp_path, f"0::{path}\n", files)
    assert memory_limit(root) == GIB
    assert memory_left(root) == 0


def test_the_first_version_is_read_as_well(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n0::/\n",
        {
            "memory/memory.limit_in_bytes": str(NO_LIMIT_V1),
            "memory/memory.usage_in_bytes": str(9 * GIB),
            "memory/docker/x/memory.limit_in_bytes": str(4 * GIB),
            "memory/docker/x/memory.usage_in_bytes": str(3 * GIB),
            "memory/docker/x/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB}",
            "cpu,cpuacct/docker/x/cpu.cfs_quota_us": "50000",
            "cpu,cpuacct/docker/x/cpu.cfs_period_us": "100000",
        },
    )
    assert memory_limit(root) == 4 * GIB
    assert memory_left(root) == 2 * GIB
    assert usable_cpus(root) == 1


@pytest.mark.parametrize("limit", ["max", "", "nonsense", "-1x"])
def test_what_is_no_number_is_no_bound(tmp_path: Path, limit: str) -> None:
    files = {"w/memory.max": limit, "w/memory.current": "5", "w/cpu.max": f"{limit} 100000"}
    root = machine(tmp_path, "0::/w\n", files)
    assert memory_limit(root) is None
    assert memory_left(root) is None
    assert usable_cpus(root) == usable_cpus(tmp_path / "nowhere")


def test_a_quota_bounds_the_threads_and_is_never_none(tmp_path: Path) -> None:
    processors = usable_cpus(tmp_path / "nowhere")
    root = machine(tmp_path, "0::/w\n", {"w/cpu.max": "1000 100000"})
    assert usable_cpus(root) == 1
    (root / "sys/fs/cgroup/w/cpu.max").write_text(f"{processors * 2 * 100000} 100000\n")
    assert usable_cpus(root) == processors


def test_a_system_without_groups_has_no_bounds(tmp_path: Path) -> None:
    assert memory_limit(tmp_path) is None
    assert memory_left(tmp_path) is None
    assert 1 <= usable_cpus(tmp_path) <= (os.cpu_count() or 1)


def test_this_machine_answers() -> None:
    left, limit = memory_left(), memory_limit()
    assert (left is None) == (limit is None)
    assert left is None or limit is None or 0 <= left <= limit
    assert usable_cpus() >= 1
