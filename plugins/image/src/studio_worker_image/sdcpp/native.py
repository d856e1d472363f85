"""The library's edge: loading that cannot leave a half-made model behind, its log, threads.

Facts about stable-diffusion-cpp-python 0.4.7 that are dealt with here:

- A model that cannot be loaded does not raise: the handle is NULL, which the wrapper takes
  for a model and frees at exit, a segmentation fault.
- ``verbose=False`` redirects the process's standard streams around each call; with True it
  leaves them alone, and its log comes through a callback, which is ours.
- An exception in the progress callback is printed and ignored.
"""

from __future__ import annotations

import collections
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import stable_diffusion_cpp as library
from PIL import Image

from studio_worker_core.plugin import EngineFailed, InvalidTask

THREADS_VARIABLE = "STUDIO_WORKER_SDCPP_THREADS"

_WARNING = 2


def thread_count(
    environment: Mapping[str, str] = os.environ,
    cores: int | None = None,
    *,
    wish: int | None = None,
) -> int:
    """Threads to compute with: the operator's ``wish``, else ``STUDIO_WORKER_SDCPP_THREADS``,
    else half the CPUs this process may use, at least 1.

    The library's threads wait for each other by spinning: with more threads than free cores
    it is slower than with one.

    Raises:
        InvalidTask: the variable is no number from 1 to 1024.
    """
    if wish is not None:
        return wish
    text = environment.get(THREADS_VARIABLE, "").strip()
    if not text:
        return max(1, (_usable_cpus() if cores is None else cores) // 2)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 1024):
        raise InvalidTask(f"{THREADS_VARIABLE}={text[:40]!r} is no whole number from 1 to 1024")
    return int(text)


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class NativeModel:
    """A loaded model. One for each process, used from one thread.

    :param parts: the library's parameters without ``_path`` → file.
    :param lora_directory: where names in LoRA tags are looked up.
    :param options: further parameters of the library.

    Raises:
        EngineFailed: it cannot be loaded; carries the library's own last words.
    """

    def __init__(
        self, parts: Mapping[str, Path], lora_directory: Path | None, options: Mapping[str, Any]
    ) -> None:
        self._said: collections.deque[str] = collections.deque(maxlen=6)
        self._callback = library.sd_log_callback(self._hear)
        library.sd_set_log_callback(self._callback, None)
        try:
            self._model = library.StableDiffusion(
                **{f"{place}_path": str(path) for place, path in parts.items()},
                lora_model_dir=str(lora_directory or ""),
                verbose=True,
                **options,
            )
        except (ValueError, RuntimeError, OSError, AssertionError) as error:
            raise EngineFailed(self._because(str(error))) from error
        inner = self._model._model
        if not inner.model:
            inner.model = None  # else freeing NULL at exit ends the process with SIGSEGV
            raise EngineFailed(self._because("stable-diffusion.cpp refused the files"))

    def draw(self, *, on_step: Callable[[int, int], None], **parameters: Any) -> Image.Image:
        """Make one picture. ``on_step`` gets (steps done, steps) of whatever loop is running.

        Raises:
            EngineFailed: the library refused or made nothing.
        """
        self._said.clear()
        try:
            pictures = self._model.generate_image(
                progress_callback=lambda step, steps, _seconds: on_step(step, steps),
                **parameters,
            )
        except (ValueError, RuntimeError, OSError) as error:  # a NULL result is a ValueError
            raise EngineFailed(self._because(str(error))) from error
        if not pictures:
            raise EngineFailed(self._because("stable-diffusion.cpp made no picture"))
        picture: Image.Image = pictures[0]
        return picture

    def close(self) -> None:
        """Free the model's memory."""
        self._model.close()

    def _hear(self, level: int, text: bytes | None, _data: object) -> None:
        line = (text or b"").decode("utf-8", "replace").strip()
        if line and level >= _WARNING:
            self._said.append(line[:500])
            print(line, flush=True)  # noqa: T201 - kept by the lane as the engine's last output

    def _because(self, reason: str) -> str:
        said = "; ".join(self._said)
        return f"{reason}: {said}" if said else reason
