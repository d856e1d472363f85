"""Main memory, and whether a model that is kept in it fits now."""

from __future__ import annotations

from collections.abc import Callable

from studio_worker_core.host.control_groups import memory_left
from studio_worker_core.host.memory_short import MemoryShort
from studio_worker_core.wire.models import ModelSource

_GIB = 2**30
_MARGIN = 4 * _GIB
"""What the system and everything else keep."""


def available_bytes() -> int:
    """What the system could give without swapping, in bytes; in a container or a service with a
    bound on its memory no more than is left of that."""
    import psutil

    free = int(psutil.virtual_memory().available)
    left = memory_left()
    return free if left is None else min(free, left)


def main_memory_admission(
    source: ModelSource,
    available: Callable[[], int],
    *,
    ceiling: int | None = None,
    anonymous: int = 0,
) -> MemoryShort | None:
    """Why a model does not fit into main memory now; None if it does, or takes none worth
    weighing: only one with ``offloadToCpu`` and without ``mmap`` is held there as a whole.

    All sizes are bytes. ``ceiling`` is the most that this worker may use (``memory_max_gb``),
    ``anonymous`` what it uses of it that is no file's. A model whose files have no known size
    is let through.
    """
    defaults = source.cli_defaults
    if not defaults.offload_to_cpu or defaults.mmap:
        return None
    needed = sum(file.approx_bytes or 0 for file in source.files)
    if needed == 0:
        return None
    free, what = available(), "are free now"
    if ceiling is not None and ceiling - anonymous < free:
        free, what = ceiling - anonymous, "are left of memory_max_gb"
    if needed <= max(free - _MARGIN, 0):
        return None
    words = (
        f"the model needs about {needed / _GIB:.1f} GiB of main memory (offloadToCpu) and "
        f"{max(free, 0) / _GIB:.1f} GiB {what}, of which {_MARGIN // _GIB} GiB stay free"
    )
    return MemoryShort(words, needed / _GIB, max(free, 0) / _GIB, _MARGIN / _GIB)
