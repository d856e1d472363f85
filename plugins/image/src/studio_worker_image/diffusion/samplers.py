"""Sampling methods by the names studios send, as schedulers of the diffusers library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from studio_worker_core.plugin import InvalidTask
from studio_worker_image.painting.samplers import read_sampler, refuse_sampler


class Scheduler(Struct, frozen=True):
    """A scheduler class of the library and what to change in the model's own config."""

    class_name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    takes_schedule: bool = False
    """Whether the class knows Karras and exponential sigmas."""


_MULTISTEP = "DPMSolverMultistepScheduler"
_SINGLESTEP = "DPMSolverSinglestepScheduler"

SAMPLERS: Mapping[str, Scheduler] = {
    "ddim": Scheduler("DDIMScheduler"),
    "ddim_trailing": Scheduler("DDIMScheduler", {"timestep_spacing": "trailing"}),
    "ddpm": Scheduler("DDPMScheduler"),
    "dpm++2m": Scheduler(_MULTISTEP, {"algorithm_type": "dpmsolver++"}, takes_schedule=True),
    "dpm++2m_sde": Scheduler(
        _MULTISTEP, {"algorithm_type": "sde-dpmsolver++"}, takes_schedule=True
    ),
    "dpm++2s": Scheduler(_SINGLESTEP, takes_schedule=True),
    "dpm2": Scheduler("KDPM2DiscreteScheduler", takes_schedule=True),
    "dpm2_a": Scheduler("KDPM2AncestralDiscreteScheduler", takes_schedule=True),
    "euler": Scheduler("EulerDiscreteScheduler", takes_schedule=True),
    "euler_a": Scheduler("EulerAncestralDiscreteScheduler"),
    "heun": Scheduler("HeunDiscreteScheduler", takes_schedule=True),
    "lcm": Scheduler("LCMScheduler"),
    "pndm": Scheduler("PNDMScheduler", {"skip_prk_steps": True}),
    "tcd": Scheduler("TCDScheduler"),
    "unipc": Scheduler("UniPCMultistepScheduler", takes_schedule=True),
}
"""For models that predict noise (Stable Diffusion 1, 2 and XL)."""

FLOW_SAMPLERS: Mapping[str, Scheduler] = {
    "euler": Scheduler("FlowMatchEulerDiscreteScheduler", takes_schedule=True),
    "heun": Scheduler("FlowMatchHeunDiscreteScheduler"),
}
"""For models that predict a flow (Stable Diffusion 3, Flux, Qwen-Image)."""


def scheduler_for(name: str | None, own_class: str, flow_shift: float | None) -> Scheduler | None:
    """The scheduler for a sampling method; None for the model's own, untouched.

    :param own_class: class of the scheduler that came with the model; tells a model that
        predicts a flow from one that predicts noise.
    :param flow_shift: ``flowShift`` of the model source; only flow models have one.

    Raises:
        InvalidTask: the method is not known for this kind of model; lists those that are.
    """
    is_flow = own_class.startswith("FlowMatch")
    shift = {"shift": flow_shift} if is_flow and flow_shift is not None else {}
    if name is None or name.strip().lower() in ("", "default"):
        return Scheduler(own_class, shift) if shift else None
    known = FLOW_SAMPLERS if is_flow else SAMPLERS
    found = read_sampler(name, known)
    if found is None:
        raise refuse_sampler(name, known)
    method, schedule = found
    chosen = known[method]
    changes = {**chosen.changes, **shift}
    if schedule is not None:
        if not chosen.takes_schedule or schedule not in ("karras", "exponential"):
            raise InvalidTask(
                f"samplingMethod {name[:80]!r}: {method} has no {schedule} schedule here"
            )
        changes[f"use_{schedule}_sigmas"] = True
    return Scheduler(chosen.class_name, changes)
