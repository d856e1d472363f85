"""Seeds: 0 to 2⁶⁴-1 are all different; absent or below 0 asks for one to be drawn (protocol §3).

Public beside :mod:`studio_worker_core.plugin`: a plugin may import it, too.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TypeVar

from msgspec.structs import replace

from studio_worker_core.wire.tasks import MAX_SEED, ImageTask, MeshTask, Task

__all__ = ["MAX_SEED", "draw_seed", "folded_seed", "seed_of", "seeded"]

T = TypeVar("T", bound=Task)


def draw_seed() -> int:
    """A seed nobody asked for, 0 to 2⁵³-1: people copy it from browsers and scripts, whose
    numbers round beyond that."""
    return secrets.randbits(53)


def seed_of(task: Task) -> int | None:
    """The seed a task asks for; None where it leaves it open, or its kind has none."""
    seed = task.seed if isinstance(task, ImageTask | MeshTask) else None
    return None if seed is None or seed < 0 else seed


def seeded(task: T) -> T:
    """``task`` with a seed of 0 to 2⁶⁴-1: its own, or else a drawn one. The host does this
    before a task reaches its engine, so what a job ran with is always known."""
    if isinstance(task, ImageTask | MeshTask) and seed_of(task) is None:
        return replace(task, seed=draw_seed())
    return task


def folded_seed(seed: int, bits: int) -> int:
    """A seed for a library that takes only ``bits`` bits.

    Itself where it fits. A larger one is hashed, not cut: two seeds that share their lower
    bits do not become the same.
    """
    if seed < 2**bits:
        return seed
    number = hashlib.sha256(seed.to_bytes(16, "little")).digest()
    return int.from_bytes(number, "little") & ((1 << bits) - 1)
