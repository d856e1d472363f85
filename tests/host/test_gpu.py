"""Memory of the card, from whatever the machine tells, and what fits into it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.host.gpu import (
    GpuMemory,
    admission,
    default_vram_threshold,
    gpu_memory,
)


def silent(command: Sequence[str]) -> str | None:
    return None


def saying(program: str, output: str) -> object:
    return lambda command: output if command[0] == program else None


def ask(sysfs: Path, run: object = silent, system: str = "linux") -> GpuMemory | None:
    return gpu_memory(sysfs=sysfs, run=run, system=system, use_driver_library=False)  # type: ignore[arg-type]


def amd_card(sysfs: Path, name: str, total: int, used: int) -> None:
    device = sysfs / "class" / "drm" / name / "device"
    device.mkdir(parents=True)
    (device / "mem_info_vram_total").write_text(f"{total}\n")
    (device / "mem_info_vram_used").write_text(f"{used}\n")


def test_a_machine_without_a_card_has_none(tmp_path: Path) -> None:
    assert ask(tmp_path) is None


def test_the_driver_library_of_this_machine_answers_or_is_silent() -> None:
    found = gpu_memory()
    assert found is None or 0 <= found.free_gb <= found.total_gb


def test_nvidia_is_read_from_its_command_and_the_cards_are_added_up(tmp_path: Path) -> None:
    output = (
        "NVIDIA GeForce RTX 3060, 12288, 11000\n"
        "NVIDIA Odd, Name, 24576, 1024\n"
        "NVIDIA Broken, [N/A], [N/A]\n"
    )
    found = ask(tmp_path, saying("nvidia-smi", output))
    assert found == GpuMemory(36.0, 11.7, "NVIDIA Odd, Name and 1 more")


def test_amd_is_read_from_sysfs(tmp_path: Path) -> None:
    amd_card(tmp_path, "card0", 512 * 2**20, 0)
    amd_card(tmp_path, "card1", 16 * 2**30, 4 * 2**30)
    assert ask(tmp_path) == GpuMemory(16.5, 12.5, "AMD GPU and 1 more")


@pytest.mark.parametrize("text", ["", "none", "-1", "1e9"])
def test_a_file_that_makes_no_sense_is_no_card(tmp_path: Path, text: str) -> None:
    amd_card(tmp_path, "card0", 0, 0)
    (tmp_path / "class/drm/card0/device/mem_info_vram_total").write_text(text)
    assert ask(tmp_path) is None


def test_apple_silicon_shares_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    found = ask(tmp_path, saying("sysctl", f"{32 * 2**30}\n"), "darwin")
    assert found is not None
    assert found.total_gb == 32.0
    assert 0 < found.free_gb <= 32.0
    assert ask(tmp_path, silent, "darwin") is None


CARD = GpuMemory(12.0, 5.0, "Card")


@pytest.mark.parametrize(
    ("estimate", "threshold", "memory", "words"),
    [
        (0.0, 0.0, CARD, None),
        (4.0, 8.0, CARD, None),
        (8.0, 8.0, None, None),
        (9.0, 8.0, None, "vram_threshold_gb"),
        (20.0, 24.0, CARD, "Card has 12.0 GB"),
        (6.0, 8.0, CARD, "5.0 GB of the 12.0 GB"),
        (4.5, 8.0, CARD, "1.0 GB stay free"),
    ],
)
def test_a_job_is_taken_when_it_fits_now(
    estimate: float, threshold: float, memory: GpuMemory | None, words: str | None
) -> None:
    reason = admission(estimate, threshold, memory)
    if words is None:
        assert reason is None
    else:
        assert reason is not None
        assert words in str(reason)


def test_what_our_own_lane_holds_counts_as_free() -> None:
    assert admission(10.0, 12.0, CARD, held_gb=6.0) is None
    assert admission(10.0, 12.0, CARD, held_gb=2.0) is not None


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 100))
def test_a_larger_job_is_never_taken_where_a_smaller_is_not(
    estimate: float, threshold: float, free: float
) -> None:
    memory = GpuMemory(max(free, 50.0), free, "Card")
    if admission(estimate, threshold, memory) is not None:
        assert admission(estimate + 1, threshold, memory) is not None


def test_an_idle_card_sold_as_8_gb_takes_7_gb_jobs(tmp_path: Path) -> None:
    found = ask(tmp_path, saying("nvidia-smi", "NVIDIA 3070, 8188, 8188"))
    assert found is not None
    assert admission(7.0, default_vram_threshold(found), found) is None


@pytest.mark.parametrize(
    ("memory", "threshold"),
    [
        (None, 12.0),
        (GpuMemory(0.0, 0.0, ""), 12.0),
        (GpuMemory(4.0, 1.0, "small"), 4.0),
        (GpuMemory(140.0, 1.0, "large"), 12.0),
    ],
)
def test_a_fresh_threshold_is_not_more_than_there_is(
    memory: GpuMemory | None, threshold: float
) -> None:
    assert default_vram_threshold(memory) == threshold
