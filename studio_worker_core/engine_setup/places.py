"""Where an engine's processes work: what may be set, and what they are started with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from studio_worker_core.errors import EngineFailed
from studio_worker_core.plugin import Place
from studio_worker_core.roster.options import OptionSpec, refusal

EVERY_ENGINE = "*"
"""Name of the table whose device, threads and memory are those of every engine."""

PLACE_SETTINGS = (
    OptionSpec(
        "device",
        "text",
        "auto",
        words="Where it computes: auto, cpu, mps, cuda, or cuda:1 for one card of several.",
    ),
    OptionSpec(
        "threads", "whole number", least=1, most=1024, words="Threads that it computes with."
    ),
    OptionSpec(
        "memory_mb",
        "whole number",
        least=64,
        most=2**24,
        words="Most main memory of its process, in MiB, in place of limits.memory_gb.",
    ),
)
"""What may be set for every engine, whatever it declares."""

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d{1,2})?")
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
_CARD_VARIABLES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")


def place_refusal(given: Mapping[str, Any], where: str) -> str | None:
    """Why ``given`` (device, threads, memory_mb) will not do; None when it will.

    :param where: the table it is in.
    """
    wrong = refusal(PLACE_SETTINGS, given, where)
    if wrong is None and not _DEVICE.fullmatch(given.get("device", "auto")):
        shown = given["device"]
        return f"{where}.device: expected auto, cpu, mps, cuda or cuda:NUMBER, got {shown!r}"
    return wrong


def place_variables(place: Place, environment: Mapping[str, str]) -> dict[str, str]:
    """What ``place`` adds to the ``environment`` of a process.

    A numbered card is one of those that the environment lets the process see.

    Raises:
        EngineFailed: it lets it see fewer.
    """
    added: dict[str, str] = {}
    if place.threads is not None:
        added |= dict.fromkeys(_THREAD_VARIABLES, str(place.threads))
    if place.device == "cpu":
        added |= dict.fromkeys(_CARD_VARIABLES, "")
    elif place.device.startswith("cuda:"):
        number = int(place.device.removeprefix("cuda:"))
        added |= {name: _card(number, name, environment) for name in _CARD_VARIABLES}
        if "CUDA_DEVICE_ORDER" not in environment:
            added["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    return added


def seen_from_inside(place: Place) -> Place:
    """``place`` as its process sees it, to which the one card that it is given is the only one."""
    device = "cuda" if place.device.startswith("cuda:") else place.device
    return Place(device, place.threads, place.memory_mb)


def _card(number: int, name: str, environment: Mapping[str, str]) -> str:
    visible = environment.get(name)
    if visible is None:
        return str(number)
    cards = [card.strip() for card in visible.split(",") if card.strip()]
    if number >= len(cards):
        raise EngineFailed(
            f"device cuda:{number} is not among the cards of {name}={visible!r}, which count from 0"
        )
    return cards[number]
