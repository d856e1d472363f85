"""The sampling methods and schedules of stable-diffusion.cpp, by the names studios send."""

from __future__ import annotations

from studio_worker_image.painting.samplers import SamplerName, read_sampler, refuse_sampler

SAMPLERS = (
    "euler",
    "euler_a",
    "heun",
    "dpm2",
    "dpm++2s_a",
    "dpm++2m",
    "dpm++2mv2",
    "ipndm",
    "ipndm_v",
    "lcm",
    "ddim_trailing",
    "tcd",
    "res_multistep",
    "res_2s",
    "er_sde",
)
"""Methods, spelled as the library does."""

_ANCESTRAL = ("euler_a", "dpm++2s_a")


def noise_of(method: str) -> float:
    """How much of the noise a step removes is put back as new: all of it for the ancestral
    methods, whose name means that. The library's Python part asks for none, whatever the method.
    """
    return 1.0 if method in _ANCESTRAL else 0.0


def sampler_for(name: str | None) -> SamplerName:
    """Method and schedule for a name; without one both are the model's own choice.

    Raises:
        InvalidTask: the name is not known; lists those that are.
    """
    if name is None or name.strip().lower() in ("", "default"):
        return "default", None
    found = read_sampler(name, SAMPLERS)
    if found is None:
        raise refuse_sampler(name, SAMPLERS)
    return found
