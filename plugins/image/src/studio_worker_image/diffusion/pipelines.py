"""One loaded model as the pipelines for its kinds of work, which share its weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

from studio_worker_core.plugin import InvalidTask
from studio_worker_image.diffusion.devices import Device

Work = Literal["text", "image", "inpaint"]

_SWITCHES = {"image": "AutoPipelineForImage2Image", "inpaint": "AutoPipelineForInpainting"}
_SPELLED = {"image": "initImageUrl", "inpaint": "maskUrl"}


class Pipelines:
    """The pipelines of one model.

    :param library: the module ``diffusers``.
    :param pipeline: the pipeline as it was loaded, on no device yet.
    :param offload: keep on the GPU only the part that is at work.
    """

    def __init__(self, library: Any, pipeline: Any, device: Device, *, offload: bool) -> None:
        self._library = library
        self._own = pipeline
        self._made: dict[Work, Any] = {}
        self._device = device
        self._offload = offload and device.kind == "cuda"
        self._scheduler = pipeline.scheduler
        self._hooked: Any = None
        if not self._offload:
            pipeline.to(device.kind)

    @property
    def scheduler_class(self) -> str:
        """Class of the scheduler that came with the model."""
        return type(self._scheduler).__name__

    @property
    def multiple(self) -> int:
        """Both sides of a picture must be multiples of so many pixels."""
        # Latents are packed in squares of two by the transformer families.
        return 2 * int(getattr(self._own, "vae_scale_factor", 8))

    def takes_references(self) -> bool:
        """Whether the model's own pipeline is one that edits a given picture."""
        names = self._parameters(self._own)
        return "image" in names and "strength" not in names

    def prepared(
        self, work: Work, scheduler_class: str | None, changes: dict[str, Any]
    ) -> tuple[Any, frozenset[str]]:
        """The pipeline for a kind of work with a fresh scheduler, and the parameters it takes.

        Raises:
            InvalidTask: the model's family has no pipeline for it, or the installed library
                has no such scheduler.
        """
        pipeline = self._pipeline(work)
        cls: Any = type(self._scheduler)
        if scheduler_class is not None:
            cls = getattr(self._library, scheduler_class, None)
            if cls is None:
                raise InvalidTask(
                    f"the installed diffusers {self._library.__version__} has no {scheduler_class}"
                )
        pipeline.scheduler = cls.from_config(self._scheduler.config, **changes)
        if self._offload and self._hooked is not pipeline:
            # The hooks sit on the shared modules, so they belong to one pipeline at a time.
            pipeline.enable_model_cpu_offload()
            self._hooked = pipeline
        return pipeline, self._parameters(pipeline)

    def _pipeline(self, work: Work) -> Any:
        if work == "text":
            return self._own
        if work not in self._made:
            switch = getattr(self._library, _SWITCHES[work])
            try:
                made = switch.from_pipe(self._own)
            except ValueError as error:
                raise InvalidTask(
                    f"{type(self._own).__name__} does not serve {_SPELLED[work]}: {error}"
                ) from error
            made.set_progress_bar_config(disable=True)
            self._made[work] = made
        return self._made[work]

    @staticmethod
    def _parameters(pipeline: Any) -> frozenset[str]:
        call: Callable[..., Any] = type(pipeline).__call__
        return frozenset(inspect.signature(call).parameters)
