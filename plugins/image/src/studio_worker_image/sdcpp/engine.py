"""The engine: one model kept loaded, one picture at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from studio_worker_core.plugin import CliDefaults, Engine, ImageTask, InvalidTask, Job, Model
from studio_worker_core.seeds import folded_seed
from studio_worker_image.painting.bounds import Bounds
from studio_worker_image.painting.canvas import Canvas, Inputs, canvas_for, read_inputs
from studio_worker_image.painting.settings import Settings, report, settings_of
from studio_worker_image.picture_file import write_picture
from studio_worker_image.sdcpp.native import NativeModel, thread_count
from studio_worker_image.sdcpp.prompts import lora_directory, prompt_with_loras
from studio_worker_image.sdcpp.roles import ModelFiles, files_of
from studio_worker_image.sdcpp.samplers import noise_of, sampler_for

_MULTIPLE = 64
"""Pixels; what every family of models the library runs can draw."""

_DRAWN = 0.95
"""Share of the job that the steps are; decoding and writing are the rest."""


class SdCppEngine(Engine):
    """Pictures from the GGUF and safetensors files that studios hand out (protocol §3)."""

    name = "sd-cpp"

    def __init__(self) -> None:
        self._native: NativeModel | None = None
        self._files = ModelFiles({})
        self._defaults = CliDefaults()

    def load(self, model: Model) -> None:
        """Load a model.

        Raises:
            InvalidTask: its files do not make a model.
            EngineFailed: the library cannot read them.
        """
        self._files = files_of(model)
        self._defaults = model.defaults
        self._native = NativeModel(
            self._files.parts,
            lora_directory(self._files.loras),
            {
                "vae_decode_only": not self._files.can_encode,
                "n_threads": thread_count(wish=model.place.threads),
                "offload_params_to_cpu": bool(model.defaults.offload_to_cpu),
                "qwen_image_zero_cond_t": bool(model.defaults.zero_cond_t),
                # Merged into the weights, a LoRA leaves rounding behind when the next job weighs
                # it otherwise; beside them, a job draws the same whatever came before.
                "lora_apply_mode": "at_runtime",
                "image_resize_method": "resize",
            },
        )

    def generate(self, job: Job[ImageTask]) -> Path:
        """Draw one picture; the task is served as :func:`.settings_of` says.

        Raises:
            InvalidTask: a parameter that cannot be served.
            EngineFailed: the library failed.
            JobCancelled: asked to stop before the drawing began. While it draws, the host
                ends this process instead: the library cannot be interrupted.
        """
        if self._native is None:
            raise InvalidTask("no model is loaded")
        settings = settings_of(job.task, self._defaults, Bounds.from_environment())
        canvas = canvas_for(settings.width, settings.height, _MULTIPLE)
        inputs = read_inputs(
            init=job.inputs.get("init_image"),
            mask=job.inputs.get("mask"),
            reference=job.inputs.get("ref_image"),
            canvas=canvas,
        )
        if (inputs.init or inputs.reference) and not self._files.can_encode:
            raise InvalidTask(
                "this model's vae has no encoder, so it takes no initImageUrl or refImageUrl"
            )
        parameters = self._parameters(settings, canvas, inputs)
        report(job, settings)
        job.log(
            f"seed {settings.seed}, {settings.steps} steps, drawn at "
            f"{canvas.drawn_width}×{canvas.drawn_height}"
        )
        job.check_cancelled()
        if inputs.init is not None and settings.denoise == 0:
            return write_picture(job, inputs.init, effort="small")
        steps = _Steps(job, settings)
        picture = canvas.cut(self._native.draw(on_step=steps.done, **parameters))
        if inputs.init is not None and inputs.mask is not None:
            picture = Image.composite(picture, inputs.init, inputs.mask)
        return write_picture(job, picture, effort="small")

    def unload(self) -> None:
        if self._native is not None:
            self._native.close()
            self._native = None

    def _parameters(self, settings: Settings, canvas: Canvas, inputs: Inputs) -> dict[str, Any]:
        """The library's own parameters for one picture."""
        method, schedule = sampler_for(settings.sampling_method)
        parameters: dict[str, Any] = {
            "prompt": prompt_with_loras(settings.prompt, self._files.loras),
            "negative_prompt": settings.negative_prompt,
            "width": canvas.drawn_width,
            "height": canvas.drawn_height,
            "sample_steps": settings.steps,
            "sample_method": method,
            "eta": noise_of(method),
            "scheduler": schedule or "default",
            # A signed number of 64 bits; below 0 the library draws one that nobody learns.
            "seed": folded_seed(settings.seed, 63),
        }
        if settings.cfg_scale is not None:
            parameters["cfg_scale"] = settings.cfg_scale
        if self._defaults.flow_shift is not None:
            parameters["flow_shift"] = self._defaults.flow_shift
        if inputs.init is not None:
            parameters["init_image"] = canvas.extend(inputs.init)
            parameters["strength"] = settings.denoise
        if inputs.mask is not None:
            parameters["mask_image"] = canvas.extend(inputs.mask)
        if inputs.reference is not None:
            parameters["ref_images"] = [inputs.reference]
        return parameters


class _Steps:
    """Tells the sampler's steps from the library's other loops (LoRAs, tiles), which call
    back in the same way: they have other lengths, or come after the last step."""

    def __init__(self, job: Job[ImageTask], settings: Settings) -> None:
        self._job = job
        self._lengths = {settings.steps}
        if "init_image" in job.inputs:
            self._lengths.add(int(settings.steps * settings.denoise))
            self._lengths.add(int(settings.steps * settings.denoise) + 1)
        self._next = 1

    def done(self, step: int, steps: int) -> None:
        if steps in self._lengths and step == self._next:
            self._next += 1
            self._job.progress(_DRAWN * step / steps, f"step {step} of {steps}")
