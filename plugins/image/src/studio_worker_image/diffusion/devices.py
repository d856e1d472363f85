"""Where a pipeline runs and in which precision."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from studio_worker_core.plugin import InvalidTask, Place

DEVICE_VARIABLE = "STUDIO_WORKER_DEVICE"

Kind = Literal["cuda", "mps", "cpu"]


class Device(Struct, frozen=True):
    """A device of PyTorch and the type of the weights on it."""

    kind: Kind
    dtype: Literal["bfloat16", "float16", "float32"]


def choose_device(*, cuda: bool, bfloat16: bool, mps: bool, wish: str = "") -> Device:
    """The best device there is, or the one wished for.

    CUDA computes in bfloat16 where the card can, since float16 overflows in some VAEs; the
    CPU in float32, the only type it is fast in everywhere.

    Raises:
        InvalidTask: the device wished for is not there.
    """
    there: dict[str, Device] = {}
    if cuda:
        there["cuda"] = Device("cuda", "bfloat16" if bfloat16 else "float16")
    if mps:
        there["mps"] = Device("mps", "float16")
    there["cpu"] = Device("cpu", "float32")
    wish = wish.strip().lower()
    known = ", ".join(there)
    if wish and wish not in there:
        raise InvalidTask(f"the device {wish[:40]!r} is not on this machine; it has {known}")
    return there[wish] if wish else next(iter(there.values()))


def find_device(torch: Any, place: Place, environment: Mapping[str, str] = os.environ) -> Device:
    """The device for this machine, as ``torch``, the operator's setting, and where that leaves it
    open ``STUDIO_WORKER_DEVICE`` say.

    Raises:
        InvalidTask: the device wished for is not there.
    """
    cuda = bool(torch.cuda.is_available())
    return choose_device(
        cuda=cuda,
        bfloat16=cuda and bool(torch.cuda.is_bf16_supported()),
        mps=bool(torch.backends.mps.is_available()),
        wish=environment.get(DEVICE_VARIABLE, "") if place.device == "auto" else place.device,
    )
