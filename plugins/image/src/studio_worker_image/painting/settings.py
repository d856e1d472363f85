"""The settings of a job: the task's own values put together with the model's defaults."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import fields

from studio_worker_core.plugin import CliDefaults, ImageTask, InvalidTask
from studio_worker_image.painting.bounds import Bounds

__all__ = ["DEFAULT_DENOISE", "Settings", "settings_of"]

DEFAULT_DENOISE = 0.75
"""How much of an init image is repainted when the task does not say."""

_TASK_DEFAULTS = {
    field.name: field.default
    for field in fields(ImageTask)
    if field.name in ("width", "height", "steps")
}


class Settings(Struct, frozen=True):
    """Everything a job needs, decided."""

    prompt: str
    negative_prompt: str
    width: int
    """Pixels of the result, exactly."""
    height: int
    steps: int
    seed: int
    """0 to 2⁶³-1."""
    denoise: float
    """0 keeps the init image, 1 ignores it."""
    cfg_scale: float | None = None
    """None: the engine's own choice for this model."""
    sampling_method: str | None = None
    """As the task or the model spells it; None: the model's own."""


def settings_of(
    task: ImageTask, defaults: CliDefaults, bounds: Bounds, *, draw_seed: Callable[[], int]
) -> Settings:
    """Put a task and its model's defaults together.

    The rule, field by field: a default of the model source wins where the task is at its own
    default (absent, or the value protocol §3 gives it: 512, 512, 20); an explicit value of
    the task wins otherwise. A task that spells out a protocol default cannot be told from one
    that leaves it out. Width and height are one field here: a task that names either side
    keeps both, so that its shape is never changed.

    :param draw_seed: called for a seed when the task has none.

    Raises:
        InvalidTask: the outcome is over one of ``bounds``.
    """
    width, height = task.width, task.height
    if _at_default(task, "width") and _at_default(task, "height"):
        width, height = defaults.width or width, defaults.height or height
    steps = task.steps
    if _at_default(task, "steps"):
        steps = defaults.steps or steps
    negative = task.negative_prompt or ""
    bounds.check(width=width, height=height, steps=steps, prompts=(task.prompt, negative))
    cfg = task.cfg_scale if task.cfg_scale is not None else defaults.cfg_scale
    if cfg is not None and not 0 <= cfg <= 100:
        raise InvalidTask(f"cfgScale {cfg:g} of the model source is not between 0 and 100")
    return Settings(
        prompt=task.prompt,
        negative_prompt=negative,
        width=width,
        height=height,
        steps=steps,
        # Engines take no negative seeds; the same task seed is always the same one here.
        seed=(task.seed if task.seed is not None else draw_seed()) % 2**63,
        denoise=DEFAULT_DENOISE if task.denoise is None else task.denoise,
        cfg_scale=cfg,
        sampling_method=task.sampling_method or defaults.sampling_method or None,
    )


def _at_default(task: ImageTask, name: str) -> bool:
    return bool(getattr(task, name) == _TASK_DEFAULTS[name])
