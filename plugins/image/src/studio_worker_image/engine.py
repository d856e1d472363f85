"""The engine ``procedural``: a picture from the words of the prompt, without a model."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from PIL import Image

from studio_worker_core.plugin import Engine, ImageTask, InvalidTask, Job, Model
from studio_worker_image.drawing import draw, ramp_of
from studio_worker_image.painting.bounds import Bounds
from studio_worker_image.painting.canvas import Inputs, canvas_for, read_inputs
from studio_worker_image.painting.settings import Settings, report, settings_of
from studio_worker_image.palette_of import palette_of
from studio_worker_image.picture_file import write_picture
from studio_worker_image.ramps import Ramp
from studio_worker_image.reading import read_prompt
from studio_worker_image.repainting import repaint
from studio_worker_image.words import FAMILIES

DEFAULT_DENOISE = 0.6
"""How much of an init image is painted over when the task does not say."""

LEAST_SIDE = 16
"""Pixels of the shortest side drawn."""

MOST_SIDE = 4096
"""Pixels of the longest side drawn unless ``STUDIO_WORKER_MAX_SIDE`` says otherwise."""

_DRAWN = 0.9
"""Share of a job's progress that is done when the picture is drawn and not yet encoded."""


class ProceduralEngine(Engine):
    """Draws one of the pattern families. Needs no model files; ``procedural-<family>`` is the
    model that always draws that family.

    :param environment: where ``STUDIO_WORKER_MAX_SIDE`` is looked up.
    """

    name = "procedural"

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._family: str | None = None

    def load(self, model: Model) -> None:
        """Take the family from the model's name.

        Raises:
            InvalidTask: there is no such family.
        """
        family = model.name.removeprefix("procedural").removeprefix("-")
        if not model.name.startswith("procedural") or (family and family not in FAMILIES):
            raise InvalidTask(
                f"the engine procedural has no model '{model.name}'; it has 'procedural' and "
                f"'procedural-<family>' for {', '.join(FAMILIES)}"
            )
        self._family = family or None

    def generate(self, job: Job[Any]) -> Path:
        """Draw the picture and write it in the wished format.

        Raises:
            InvalidTask: no picture is asked for, a side is out of bounds, a mask comes without
                an init image, or an input cannot be decoded.
            JobCancelled: somebody asked for it to stop.
        """
        task = job.task
        if not isinstance(task, ImageTask):
            raise InvalidTask(f"the engine procedural draws pictures, no {type(task).__name__}")
        settings = self._settings(job.model, task)
        report(job, settings)
        inputs = _inputs(job, settings)
        recipe = read_prompt(settings.prompt, settings.negative_prompt, family=self._family)
        ramp = ramp_of(recipe) if inputs.reference is None else palette_of(inputs.reference)
        drawn = draw(
            recipe,
            ramp,
            width=settings.width,
            height=settings.height,
            steps=settings.steps,
            seed=settings.seed,
            on_band=_watch(job, recipe.family),
        )
        picture = Image.fromarray(drawn)
        if inputs.init is not None:
            picture = _over(inputs, inputs.init, picture, ramp, settings.denoise)
        job.check_cancelled()
        job.progress(_DRAWN, "encoding")
        path = write_picture(job, picture)
        job.progress(1.0)
        return path

    def _settings(self, model: Model, task: ImageTask) -> Settings:
        settings = settings_of(task, model.defaults, self._bounds())
        for name, side in (("width", settings.width), ("height", settings.height)):
            if side < LEAST_SIDE:
                raise InvalidTask(
                    f"{name} {side} px is less than the {LEAST_SIDE} this engine draws"
                )
        return replace(settings, denoise=DEFAULT_DENOISE) if task.denoise is None else settings

    def _bounds(self) -> Bounds:
        """Sides alone are bounded: neither steps nor words cost this engine anything."""
        known = {"STUDIO_WORKER_MAX_SIDE": str(MOST_SIDE), **self._environment}
        return replace(Bounds.from_environment(known), max_steps=0, max_prompt=0)


def _inputs(job: Job[Any], settings: Settings) -> Inputs:
    return read_inputs(
        init=job.inputs.get("init_image"),
        mask=job.inputs.get("mask"),
        reference=job.inputs.get("ref_image"),
        canvas=canvas_for(settings.width, settings.height, 1),
    )


def _watch(job: Job[Any], family: str) -> Callable[[float], None]:
    def on_band(fraction: float) -> None:
        job.check_cancelled()
        job.progress(_DRAWN * fraction, f"drawing {family}")

    return on_band


def _over(
    inputs: Inputs, init: Image.Image, drawn: Image.Image, ramp: Ramp, denoise: float
) -> Image.Image:
    """The drawing over the init image, where the mask lets it."""
    picture = repaint(init, drawn, ramp, denoise)
    return picture if inputs.mask is None else Image.composite(picture, init, inputs.mask)
