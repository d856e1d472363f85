"""The source of a picture's noise: another for each seed of 64 bits."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio_worker_core.seeds import folded_seed

_WORDS = 624
"""32-bit words of a Mersenne Twister's state."""

_OFFSET = 24
"""Bytes before them in the state of the library's CPU generator: its seed and three counters."""

_STATE_BYTES = 5056


def noise_from(torch: Any, seed: int) -> Any:
    """A ``torch.Generator`` for a seed of 0 to 2⁶⁴-1, no two alike.

    On the CPU, so that a seed starts from the same noise on every device. ``manual_seed`` looks
    at 32 bits there: seeds that fit make what they make in every program on that library, and
    for a larger one the state is filled from all of its bits.
    """
    generator = torch.Generator("cpu").manual_seed(seed & 0xFFFFFFFF)
    if seed < 2**32:
        return generator
    state = generator.get_state()
    known = state.numpy()
    words = known[_OFFSET : _OFFSET + 8 * _WORDS].view("<u8")
    if known.size != _STATE_BYTES or words[0] != seed & 0xFFFFFFFF:
        # A version that keeps its state in another way: a picture comes all the same, and two
        # seeds have the same one by rare chance only.
        return generator.manual_seed(folded_seed(seed, 32))
    words[:] = state_words(seed)
    generator.set_state(state)
    return generator


def state_words(seed: int) -> NDArray[np.uint32]:
    """The state for a large seed. The seed itself is part of it, so no two share one."""
    stream = hashlib.shake_256(b"noise" + seed.to_bytes(8, "little"))
    words = np.frombuffer(stream.digest(4 * _WORDS), "<u4").astype(np.uint32)
    # Of the first word only one bit counts.
    words[1:3] = seed & 0xFFFFFFFF, seed >> 32
    return words
