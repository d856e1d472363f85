"""A job's settings as the arguments of a pipeline of the library."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from studio_worker_image.painting.canvas import Canvas, Inputs
from studio_worker_image.painting.settings import Settings


def arguments_for(
    settings: Settings, canvas: Canvas, inputs: Inputs, takes: Collection[str], generator: Any
) -> dict[str, Any]:
    """Arguments by name; what the pipeline has no place for is left out.

    :param takes: names of the parameters that the pipeline has.
    :param generator: the source of noise, already seeded.
    """
    arguments: dict[str, Any] = {
        "prompt": settings.prompt,
        "negative_prompt": settings.negative_prompt,
        "width": canvas.drawn_width,
        "height": canvas.drawn_height,
        "num_inference_steps": settings.steps,
        "generator": generator,
    }
    if settings.cfg_scale is not None:
        # Pipelines of distilled models have both: there guidance_scale is a number the network
        # is told, and what protocol §3 means by cfgScale is the other one.
        name = "true_cfg_scale" if "true_cfg_scale" in takes else "guidance_scale"
        arguments[name] = settings.cfg_scale
    if inputs.reference is not None:
        arguments["image"] = inputs.reference
    if inputs.init is not None:
        arguments["image"] = canvas.extend(inputs.init)
        # Below one step there would be nothing to do, which pipelines take for an error.
        arguments["strength"] = min(1.0, max(settings.denoise, 1.001 / settings.steps))
    if inputs.mask is not None:
        arguments["mask_image"] = canvas.extend(inputs.mask)
    return {name: value for name, value in arguments.items() if name in takes}
