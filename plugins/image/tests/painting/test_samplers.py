"""One spelling for the many that are in use."""

from __future__ import annotations

import pytest

from studio_worker_core.plugin import InvalidTask
from studio_worker_image.diffusion.samplers import FLOW_SAMPLERS, SAMPLERS, scheduler_for
from studio_worker_image.painting.samplers import read_sampler
from studio_worker_image.sdcpp.samplers import SAMPLERS as NATIVE
from studio_worker_image.sdcpp.samplers import sampler_for


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("euler", ("euler", None)),
        ("Euler a", ("euler_a", None)),
        ("k_euler_ancestral", ("euler_a", None)),
        ("DPM++ 2M Karras", ("dpm++2m", "karras")),
        ("dpmpp_2m", ("dpm++2m", None)),
        ("dpm++2mv2", ("dpm++2mv2", None)),
        ("DPM++ 2S a", ("dpm++2s_a", None)),
        ("ddim", ("ddim_trailing", None)),
        ("euler_sgm_uniform", ("euler", "sgm_uniform")),
        ("euler simple", ("euler", "simple")),
        ("default", ("default", None)),
        (None, ("default", None)),
    ],
)
def test_sd_cpp_understands_the_usual_spellings(
    name: str | None, meant: tuple[str, str | None]
) -> None:
    assert sampler_for(name) == meant


@pytest.mark.parametrize("name", ["warp", "karras", "euler_b", "dpm++", "_"])
def test_sd_cpp_refuses_others_and_lists_its_own(name: str) -> None:
    with pytest.raises(InvalidTask, match=r"known are: .*euler_a"):
        sampler_for(name)


def test_every_name_means_itself() -> None:
    for known in (NATIVE, tuple(SAMPLERS), tuple(FLOW_SAMPLERS)):
        for name in known:
            assert read_sampler(name, known) == (name, None)
            assert read_sampler(name.upper().replace("_", " "), known) == (name, None)


def test_a_scheduler_is_chosen_by_the_name() -> None:
    found = scheduler_for("DPM++ 2M Karras", "DDIMScheduler", None)
    assert found is not None
    assert found.class_name == "DPMSolverMultistepScheduler"
    assert found.changes == {"algorithm_type": "dpmsolver++", "use_karras_sigmas": True}


def test_the_models_own_scheduler_stays_unless_something_changes() -> None:
    assert scheduler_for(None, "DDIMScheduler", None) is None
    assert scheduler_for(None, "DDIMScheduler", 3.0) is None
    shifted = scheduler_for("default", "FlowMatchEulerDiscreteScheduler", 3.0)
    assert shifted is not None
    assert shifted.class_name == "FlowMatchEulerDiscreteScheduler"
    assert shifted.changes == {"shift": 3.0}


def test_flow_models_have_samplers_of_their_own() -> None:
    found = scheduler_for("euler", "FlowMatchEulerDiscreteScheduler", 2.5)
    assert found is not None
    assert found.class_name == "FlowMatchEulerDiscreteScheduler"
    assert found.changes == {"shift": 2.5}
    with pytest.raises(InvalidTask, match="known are: euler, heun"):
        scheduler_for("ddim", "FlowMatchEulerDiscreteScheduler", None)


def test_a_schedule_that_the_scheduler_lacks_is_refused() -> None:
    for name in ("ddim karras", "euler simple"):
        with pytest.raises(InvalidTask, match="schedule"):
            scheduler_for(name, "DDIMScheduler", None)
