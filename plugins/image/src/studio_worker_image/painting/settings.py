"""The settings of a job: the task's own values put together with the model's defaults."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import fields

from studio_worker_core.pictures.limits import size_of
from studio_worker_core.plugin import CliDefaults, ImageTask, InvalidTask, Job
from studio_worker_core.seeds import draw_seed, seed_of
from studio_worker_image.painting.bounds import Bounds

DEFAULT_DENOISE = 0.75
"""How much of an init image is repainted when the task does not say."""

_STEPS = next(field.default for field in fields(ImageTask) if field.name == "steps")


class Settings(Struct, frozen=True):
    """Everything a job needs, decided."""

    prompt: str
    negative_prompt: str
    width: int
    """Pixels of the result, exactly."""
    height: int
    steps: int
    seed: int
    """0 to 2⁶⁴-1, each another picture."""
    denoise: float
    """0 keeps the init image, 1 ignores it."""
    cfg_scale: float | None = None
    """None: the engine's own choice for this model."""
    sampling_method: str | None = None
    """As the task or the model spells it; None: the model's own."""


def settings_of(task: ImageTask, defaults: CliDefaults, bounds: Bounds) -> Settings:
    """Put a task and its model's defaults together.

    The rule, field by field: a default of the model source wins where the task is at its own
    default (absent, or the value protocol §3 gives it: 512, 512, 20); an explicit value of
    the task wins otherwise. A task that spells out a protocol default cannot be told from one
    that leaves it out. Width and height are one field here: see
    :func:`~studio_worker_core.pictures.limits.size_of`.

    Raises:
        InvalidTask: the outcome is over one of ``bounds``.
    """
    width, height = size_of(task, defaults)
    steps = task.steps if task.steps != _STEPS else defaults.steps or task.steps
    negative = task.negative_prompt or ""
    bounds.check(width=width, height=height, steps=steps, prompts=(task.prompt, negative))
    cfg = task.cfg_scale if task.cfg_scale is not None else defaults.cfg_scale
    if cfg is not None and not 0 <= cfg <= 100:
        raise InvalidTask(f"cfgScale {cfg:g} of the model source is not between 0 and 100")
    seed = seed_of(task)
    return Settings(
        prompt=task.prompt,
        negative_prompt=negative,
        width=width,
        height=height,
        steps=steps,
        seed=draw_seed() if seed is None else seed,
        denoise=DEFAULT_DENOISE if task.denoise is None else task.denoise,
        cfg_scale=cfg,
        sampling_method=task.sampling_method or defaults.sampling_method or None,
    )


def report(job: Job[ImageTask], settings: Settings) -> None:
    """Tell the host what the picture is made with."""
    job.report(
        seed=settings.seed, steps=settings.steps, width=settings.width, height=settings.height
    )
