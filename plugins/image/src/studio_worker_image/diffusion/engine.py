"""The engine: one pipeline kept loaded, one picture at a time, stoppable after each step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from studio_worker_core.plugin import (
    CliDefaults,
    Engine,
    EngineFailed,
    ImageTask,
    InvalidTask,
    Job,
    JobCancelled,
    Model,
)
from studio_worker_image.diffusion.arguments import arguments_for
from studio_worker_image.diffusion.devices import Device, find_device
from studio_worker_image.diffusion.layout import layout_of
from studio_worker_image.diffusion.library import import_diffusers
from studio_worker_image.diffusion.loading import load_pipeline
from studio_worker_image.diffusion.noise import noise_from
from studio_worker_image.diffusion.pipelines import Pipelines, Work
from studio_worker_image.diffusion.samplers import scheduler_for
from studio_worker_image.painting.bounds import Bounds
from studio_worker_image.painting.canvas import Inputs, canvas_for, read_inputs
from studio_worker_image.painting.settings import Settings, report, settings_of
from studio_worker_image.picture_file import write_picture

_DRAWN = 0.95
"""Share of the job that the steps are; decoding and writing are the rest."""


class DiffusersEngine(Engine):
    """Pictures from diffusers models given as a directory's files or as one checkpoint."""

    name = "diffusers"

    def __init__(self) -> None:
        self._torch: Any = None
        self._pipelines: Pipelines | None = None
        self._defaults = CliDefaults()
        self.device: Device | None = None

    def load(self, model: Model) -> None:
        """Load a model onto the best device.

        Raises:
            InvalidTask: its files are refused or make no model (:mod:`.layout`).
            EngineFailed: the library cannot load them.
        """
        layout = layout_of(model)
        self._torch, library = import_diffusers()
        self.device = find_device(self._torch, model.place)
        if model.place.threads is not None:
            self._torch.set_num_threads(model.place.threads)
        self._defaults = model.defaults
        pipeline = load_pipeline(library, layout, getattr(self._torch, self.device.dtype))
        try:
            self._pipelines = Pipelines(
                library, pipeline, self.device, offload=bool(model.defaults.offload_to_cpu)
            )
        except self._torch.OutOfMemoryError as error:
            raise EngineFailed(_no_memory(self.device, error)) from error

    def generate(self, job: Job[ImageTask]) -> Path:
        """Draw one picture; the task is served as :func:`.settings_of` says.

        Raises:
            InvalidTask: a parameter that cannot be served.
            EngineFailed: out of memory on the device.
            JobCancelled: asked to stop; noticed after each step.
        """
        if self._pipelines is None or self.device is None:
            raise InvalidTask("no model is loaded")
        settings = settings_of(job.task, self._defaults, Bounds.from_environment())
        canvas = canvas_for(settings.width, settings.height, self._pipelines.multiple)
        inputs = read_inputs(
            init=job.inputs.get("init_image"),
            mask=job.inputs.get("mask"),
            reference=job.inputs.get("ref_image"),
            canvas=canvas,
        )
        pipeline, parameters = self._prepare(settings, inputs)
        report(job, settings)
        job.log(
            f"seed {settings.seed}, {settings.steps} steps on {self.device.kind} "
            f"({self.device.dtype}), drawn at {canvas.drawn_width}×{canvas.drawn_height}"
        )
        job.check_cancelled()
        if inputs.init is not None and settings.denoise == 0:
            return write_picture(job, inputs.init, effort="small")
        generator = noise_from(self._torch, settings.seed)
        arguments = arguments_for(settings, canvas, inputs, parameters, generator)
        picture = canvas.cut(self._draw(job, pipeline, arguments, parameters))
        if inputs.init is not None and inputs.mask is not None:
            picture = Image.composite(picture, inputs.init, inputs.mask)
        return write_picture(job, picture, effort="small")

    def unload(self) -> None:
        self._pipelines = None

    def _prepare(self, settings: Settings, inputs: Inputs) -> tuple[Any, frozenset[str]]:
        assert self._pipelines is not None
        scheduler = scheduler_for(
            settings.sampling_method, self._pipelines.scheduler_class, self._defaults.flow_shift
        )
        if inputs.reference is not None:
            if inputs.init is not None:
                raise InvalidTask("refImageUrl and initImageUrl cannot be used together here")
            if not self._pipelines.takes_references():
                raise InvalidTask("this model takes no refImageUrl: it is no editing model")
        work: Work = "text"
        if inputs.init is not None:
            work = "image" if inputs.mask is None else "inpaint"
        return self._pipelines.prepared(
            work,
            scheduler.class_name if scheduler is not None else None,
            dict(scheduler.changes) if scheduler is not None else {},
        )

    def _draw(
        self,
        job: Job[ImageTask],
        pipeline: Any,
        arguments: dict[str, Any],
        parameters: frozenset[str],
    ) -> Image.Image:
        assert self.device is not None

        def after_step(running: Any, step: int, _timestep: Any, tensors: Any) -> Any:
            steps = max(int(getattr(running, "num_timesteps", 0)), step + 1)
            job.progress(_DRAWN * (step + 1) / steps, f"step {step + 1} of {steps}")
            job.check_cancelled()
            return tensors

        if "callback_on_step_end" in parameters:
            arguments["callback_on_step_end"] = after_step
        try:
            picture = pipeline(**arguments).images[0]
        except self._torch.OutOfMemoryError as error:
            raise EngineFailed(_no_memory(self.device, error)) from error
        except JobCancelled:
            pipeline.maybe_free_model_hooks()
            raise
        finally:
            if self.device.kind == "cuda":
                self._torch.cuda.empty_cache()
        if not isinstance(picture, Image.Image):
            raise EngineFailed(f"{type(pipeline).__name__} answered no picture")
        return picture


def _no_memory(device: Device, error: BaseException) -> str:
    return (
        f"out of memory on {device.kind}: {str(error)[:300]}; ask for a smaller picture, set "
        "offloadToCpu in the model source, or use a smaller model"
    )
