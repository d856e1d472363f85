"""How a model is loaded: context, threads and GPU layers, from its source and the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping

from msgspec import Struct

from studio_worker_core.plugin import CliDefaults, InvalidTask, Place

CONTEXT_VARIABLE = "STUDIO_WORKER_LLAMA_CONTEXT"
THREADS_VARIABLE = "STUDIO_WORKER_LLAMA_THREADS"
LAYERS_VARIABLE = "STUDIO_WORKER_LLAMA_GPU_LAYERS"

USUAL_CONTEXT = 8192
"""Tokens, where neither the source nor the environment says; less where a model has less."""

_MOST_CONTEXT = 2**24
_AUTO = -1


class LoadSettings(Struct, frozen=True):
    """What llama.cpp is told once, when it loads."""

    context: int
    """Tokens, for the conversation and the answer together."""
    threads: int
    gpu_layers: int = _AUTO
    """-1: as many as the free memory of the card takes."""
    mmap: bool | None = None
    """None: as llama.cpp does by itself."""


ANYWHERE = Place()


def load_settings(
    defaults: CliDefaults,
    trained_context: int | None,
    environment: Mapping[str, str] = os.environ,
    cores: int | None = None,
    *,
    place: Place = ANYWHERE,
) -> LoadSettings:
    """What to load with.

    :param trained_context: tokens the model was made for; None where it does not say.
    :param cores: CPUs this process may use; None looks them up.
    :param place: what the operator set for this engine; it comes before the environment.

    Raises:
        InvalidTask: a variable or the source's ``contextSize`` is out of range.
    """
    context = defaults.context_size or _number(environment, CONTEXT_VARIABLE, 1, _MOST_CONTEXT)
    if context is None:
        context = min(USUAL_CONTEXT, trained_context or USUAL_CONTEXT)
    if context > _MOST_CONTEXT:
        raise InvalidTask(f"contextSize {context} is more than {_MOST_CONTEXT} tokens")
    layers = _number(environment, LAYERS_VARIABLE, _AUTO, 10_000)
    if place.device == "cpu":
        layers = 0
    elif layers is None:
        layers = 0 if defaults.offload_to_cpu else _AUTO
    threads = place.threads or _number(environment, THREADS_VARIABLE, 1, 1024)
    if threads is None:
        threads = max(1, (_usable_cpus() if cores is None else cores) // 2)
    return LoadSettings(context, threads, layers, defaults.mmap)


def _number(environment: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    text = environment.get(name, "").strip()
    if not text:
        return None
    digits = text.removeprefix("-")
    plain = digits.isascii() and digits.isdigit() and len(digits) <= len(str(_MOST_CONTEXT))
    if not plain or not least <= int(text) <= most:
        raise InvalidTask(f"{name}={text[:40]!r} is no whole number from {least} to {most}")
    return int(text)


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
