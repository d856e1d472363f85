"""Runs the diffusers engine on this machine's GPU with the tiny model, beside the CPU.

For a machine with PyTorch and diffusers where nothing of this project is installed::

    PYTHONPATH=.:plugins/image/src python plugins/image/tests/models/gpu_check.py

Prints, for each device and size, the median seconds of a picture and the peak memory, then
checks on the GPU that a seed repeats, that a job stops after the step in which it was
cancelled, and that weights can be kept off the GPU. Ends with an error if one does not hold.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image

from plugins.image.tests.models.tiny_diffusers import files_by_role, make_tiny_diffusers
from studio_worker_core.errors import JobCancelled
from studio_worker_core.plugin import CliDefaults, ImageTask, Model
from studio_worker_core.testing.jobs import make_job
from studio_worker_image.diffusion.devices import DEVICE_VARIABLE
from studio_worker_image.diffusion.engine import DiffusersEngine


def main() -> None:
    """Measure, check, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sides", default="64,512", help="sides in pixels, with commas")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        make_tiny_diffusers(root)
        model = Model("tiny", files_by_role(root / "flat"))
        import torch

        gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
        print(f"torch {torch.__version__}, {gpu}, {os.cpu_count()} CPUs, {options.steps} steps")
        sides = [int(side) for side in options.sides.split(",")]
        for kind in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
            engine = _loaded(model, kind)
            for side in sides:
                _measure(torch, engine, side, options.steps, options.repeats)
            engine.unload()
        if torch.cuda.is_available():
            _check(torch, model)


def _loaded(model: Model, kind: str) -> DiffusersEngine:
    os.environ[DEVICE_VARIABLE] = kind
    engine = DiffusersEngine()
    started = time.perf_counter()
    engine.load(model)
    assert engine.device is not None
    seconds = time.perf_counter() - started
    print(f"{kind:4}  {engine.device.dtype}: loaded in {seconds:.2f} s")
    return engine


def _measure(torch: Any, engine: DiffusersEngine, side: int, steps: int, repeats: int) -> None:
    assert engine.device is not None
    on_gpu = engine.device.kind == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    task = ImageTask(prompt="a cat", width=side, height=side, steps=steps, seed=1, ext="png")
    _draw(engine, task)  # the first one compiles and allocates
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        picture = _draw(engine, task)
        times.append(time.perf_counter() - started)
        assert picture.size == (side, side)
    peak = torch.cuda.max_memory_allocated() if on_gpu else _peak_resident()
    of_what = "allocated on the GPU" if on_gpu else "resident"
    print(
        f"{engine.device.kind:4}  {side:4} px: median {statistics.median(times):.3f} s "
        f"(least {min(times):.3f}), peak {peak / 2**20:.0f} MiB {of_what}"
    )


def _check(torch: Any, model: Model) -> None:
    engine = _loaded(model, "cuda")
    task = ImageTask(prompt="a cat", width=64, height=64, steps=8, seed=3, ext="png")
    first = _draw(engine, task)
    repeats = first.tobytes() == _draw(engine, task).tobytes()
    stopped = _steps_of_a_cancelled_job(engine, task) == 1
    offloading = Model("tiny-offloaded", model.files, CliDefaults(offload_to_cpu=True))
    engine.unload()
    torch.cuda.empty_cache()
    offloaded = _loaded(offloading, "cuda")
    resting = torch.cuda.memory_allocated() / 2**20
    with tempfile.TemporaryDirectory() as made:
        init = Path(made) / "init.png"
        first.save(init)
        same = _draw(offloaded, task).tobytes() == first.tobytes()
        _draw(offloaded, task, inputs={"init_image": init})
        again = _draw(offloaded, task).tobytes() == first.tobytes()
    print(f"same seed, same picture: {repeats}; cancelled after one step: {stopped}")
    print(f"offloaded: {resting:.1f} MiB at rest, same picture: {same}, also later: {again}")
    if not (repeats and stopped and same and again):
        sys.exit("a check failed")


def _draw(
    engine: DiffusersEngine,
    task: ImageTask,
    *,
    inputs: dict[str, Path] | None = None,
) -> Image.Image:
    with tempfile.TemporaryDirectory() as made:
        job = make_job(task, Path(made), model="tiny", inputs=inputs)
        with Image.open(engine.generate(job)) as picture:
            return picture.convert("RGB")


def _steps_of_a_cancelled_job(engine: DiffusersEngine, task: ImageTask) -> int:
    """How many steps it took until a job stopped that is cancelled after its first."""
    with tempfile.TemporaryDirectory() as made:
        job = make_job(task, Path(made), model="tiny", is_cancelled=lambda: bool(job.fractions))
        try:
            engine.generate(job)
        except JobCancelled:
            return len(job.fractions)
    return 0


def _peak_resident() -> int:
    import resource  # POSIX only, as are the machines this is for

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
