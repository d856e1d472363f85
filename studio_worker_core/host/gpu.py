"""Memory of the graphics card, and whether a job fits into it now.

Gigabytes here are 2³⁰ bytes, the way cards are sold: an "8 GB" card has 8.0.
"""

from __future__ import annotations

import contextlib
import platform
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from studio_worker_core.host.commands import Run, output_of
from studio_worker_core.host.memory_short import MemoryShort

_GIB = 2**30
_run: Run = partial(output_of, within=3.0)
_USUAL_THRESHOLD = 12.0
_ROUNDING = 0.05
MARGIN_GB = 1.0
"""Free memory that no job gets: drivers and the desktop move about in it."""


class GpuMemory(Struct, frozen=True):
    """All cards of a make together. On Apple silicon it is shared with the processor."""

    total_gb: float
    free_gb: float
    name: str


def gpu_memory(
    *,
    sysfs: Path = Path("/sys"),
    run: Run = _run,
    system: str = sys.platform,
    use_driver_library: bool = True,
) -> GpuMemory | None:
    """Memory of all NVIDIA cards, else AMD, else Apple; None when there are none."""
    found = _nvidia_library() if use_driver_library else []
    found = found or _nvidia_command(run)
    if not found and system.startswith("linux"):
        found = _amd(sysfs)
    if not found and system == "darwin":
        found = _apple(run)
    return _together(found)


def fits_beside(estimate_gb: float, free_gb: float) -> bool:
    """Whether a model fits into free memory and leaves the margin of 1 GiB."""
    return estimate_gb <= max(free_gb - MARGIN_GB, 0.0) + _ROUNDING


def admission(
    estimate_gb: float,
    threshold_gb: float,
    memory: GpuMemory | None,
    *,
    held_gb: float = 0.0,
    kept_gb: float = 0.0,
) -> MemoryShort | None:
    """Why a model that needs ``estimate_gb`` of GPU memory is not taken now; None if it is.

    ``held_gb`` is what our own idle lanes hold and would give back, ``kept_gb`` what others of
    ours hold and do not. A machine whose memory is unknown is trusted to be what its threshold
    says.
    """
    if estimate_gb <= 0:
        return None
    if estimate_gb > threshold_gb + _ROUNDING:
        words = (
            f"the job needs about {estimate_gb:.1f} GB of GPU memory and this worker takes jobs "
            f"up to {threshold_gb:.1f} GB (vram_threshold_gb)"
        )
        return MemoryShort(words, estimate_gb, threshold_gb, MARGIN_GB)
    if memory is None:
        return _beside_kept(estimate_gb, threshold_gb, kept_gb)
    if estimate_gb > memory.total_gb + _ROUNDING:
        words = (
            f"the job needs about {estimate_gb:.1f} GB of GPU memory and {memory.name} has "
            f"{memory.total_gb:.1f} GB"
        )
        return MemoryShort(words, estimate_gb, memory.free_gb, MARGIN_GB)
    free = max(min(memory.free_gb + held_gb, memory.total_gb), 0.0)
    if not fits_beside(estimate_gb, free):
        words = (
            f"the job needs about {estimate_gb:.1f} GB of GPU memory and {free:.1f} GB of the "
            f"{memory.total_gb:.1f} GB of {memory.name} are free now, of which "
            f"{MARGIN_GB:.1f} GB stay free"
        )
        return MemoryShort(words, estimate_gb, free, MARGIN_GB)
    return None


def _beside_kept(estimate_gb: float, threshold_gb: float, kept_gb: float) -> MemoryShort | None:
    left = max(threshold_gb - kept_gb, 0.0)
    if estimate_gb <= left + _ROUNDING:
        return None
    words = (
        f"the job needs about {estimate_gb:.1f} GB of GPU memory and {left:.1f} GB of "
        f"{threshold_gb:.1f} GB (vram_threshold_gb) are left beside "
        "the models that are kept loaded"
    )
    return MemoryShort(words, estimate_gb, left, MARGIN_GB)


def default_vram_threshold(memory: GpuMemory | None) -> float:
    """``vram_threshold_gb`` of a fresh config: 12, but not more than the machine has."""
    if memory is None or memory.total_gb <= 0:
        return _USUAL_THRESHOLD
    return min(_USUAL_THRESHOLD, memory.total_gb)


def _together(found: Sequence[GpuMemory]) -> GpuMemory | None:
    if not found:
        return None
    largest = max(found, key=lambda memory: (memory.total_gb, memory.free_gb))
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    total = round(sum(memory.total_gb for memory in found), 1)
    free = round(sum(memory.free_gb for memory in found), 1)
    return GpuMemory(total, free, largest.name + more)


def _memory(total: float, free: float, name: str) -> GpuMemory:
    return GpuMemory(round(total / _GIB, 1), round(max(free, 0) / _GIB, 1), name)


def _nvidia_library() -> list[GpuMemory]:
    try:
        import pynvml
    except ImportError:
        return []
    found = []
    try:
        pynvml.nvmlInit()
        try:
            for index in range(pynvml.nvmlDeviceGetCount()):
                handle = pynvml.nvmlDeviceGetHandleByIndex(index)
                memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
                name = pynvml.nvmlDeviceGetName(handle)
                shown = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
                found.append(_memory(memory.total, memory.free, shown))
        finally:
            pynvml.nvmlShutdown()
    except Exception:  # a driver's binding, and a missing driver is nothing to fail for
        return found
    return found


def _nvidia_command(run: Run) -> list[GpuMemory]:
    query = "--query-gpu=name,memory.total,memory.free"
    output = run(["nvidia-smi", query, "--format=csv,noheader,nounits"])
    found = []
    for line in (output or "").splitlines():
        fields = [field.strip() for field in line.rsplit(",", 2)]
        if len(fields) == 3 and fields[1].isdecimal() and fields[2].isdecimal():
            mebibytes = 2**20
            total, free = int(fields[1]) * mebibytes, int(fields[2]) * mebibytes
            found.append(_memory(total, free, fields[0]))
    return found


def _amd(sysfs: Path) -> list[GpuMemory]:
    found = []
    for total_file in sorted(sysfs.glob("class/drm/card*/device/mem_info_vram_total")):
        device = total_file.parent
        total, used = _number(total_file), _number(device / "mem_info_vram_used")
        if total:
            name = _text(device / "product_name") or "AMD GPU"
            found.append(_memory(total, total - (used or 0), name))
    return found


def _apple(run: Run) -> list[GpuMemory]:
    if platform.machine() != "arm64":
        return []
    output = (run(["sysctl", "-n", "hw.memsize"]) or "").strip()
    if not output.isdecimal():
        return []
    import psutil

    total = int(output)
    return [_memory(total, min(psutil.virtual_memory().available, total), "Apple silicon")]


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdecimal() else None


def _text(path: Path) -> str:
    with contextlib.suppress(OSError, UnicodeError):
        return path.read_text(encoding="utf-8").strip()
    return ""
