"""Models that are held in main memory: what they need, and what is left (in bytes)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.host.main_memory import available_bytes, main_memory_admission
from studio_worker_core.wire.models import CliDefaults, ModelFile, ModelSource

GIB = 2**30


def held_in_memory(*sizes: int | None, mmap: bool | None = None) -> ModelSource:
    files = [
        ModelFile("model", "https://h/m", f"m{n}", approx_bytes=s) for n, s in enumerate(sizes)
    ]
    return ModelSource("sd-cpp", files, CliDefaults(offload_to_cpu=True, mmap=mmap))


@pytest.mark.parametrize(
    ("source", "free", "fits"),
    [
        (held_in_memory(6 * GIB, 6 * GIB), 16 * GIB, True),
        (held_in_memory(6 * GIB, 6 * GIB + 1), 16 * GIB, False),
        (held_in_memory(1), 0, False),
        (held_in_memory(6 * GIB, mmap=False), 9 * GIB, False),
        (held_in_memory(6 * GIB, mmap=True), 0, True),
        (held_in_memory(None, None), 0, True),
        (ModelSource("sd-cpp", held_in_memory(6 * GIB).files), 0, True),
    ],
)
def test_a_model_kept_in_main_memory_must_leave_4_gib(
    source: ModelSource, free: int, fits: bool
) -> None:
    reason = main_memory_admission(source, lambda: free)
    assert (reason is None) == fits
    assert fits or "offloadToCpu" in str(reason)


def test_a_ceiling_counts_less_what_is_used_of_it() -> None:
    source = held_in_memory(6 * GIB)
    assert main_memory_admission(source, lambda: 64 * GIB, ceiling=12 * GIB) is None
    assert main_memory_admission(source, lambda: 64 * GIB, ceiling=9 * GIB) is not None
    full = main_memory_admission(source, lambda: 64 * GIB, ceiling=12 * GIB, anonymous=3 * GIB)
    assert full is not None


@given(st.integers(0, 2**40), st.integers(0, 2**40), st.integers(0, 2**40))
def test_a_larger_model_never_fits_where_a_smaller_does_not(
    needed: int, free: int, more: int
) -> None:
    if main_memory_admission(held_in_memory(needed), lambda: free) is not None:
        assert main_memory_admission(held_in_memory(needed + more), lambda: free) is not None


def test_this_machine_tells_what_is_available() -> None:
    assert available_bytes() > 0
