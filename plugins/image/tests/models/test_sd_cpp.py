"""What only ``sd-cpp`` does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image

from plugins.image.tests.models.model_bench import ModelBench
from plugins.image.tests.models.tiny_flux import make_tiny_lora
from studio_worker_core.errors import InvalidTask
from studio_worker_core.plugin import CliDefaults, Model
from studio_worker_image.sdcpp.samplers import SAMPLERS

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]


def test_a_reference_picture_changes_the_result(
    bench: ModelBench, tiny_flux: Model, tmp_path: Path
) -> None:
    results = [bench.draw("sd-cpp", tiny_flux).data]
    for colour in ("red", "blue", "blue"):
        path = tmp_path / f"{colour}.png"
        Image.new("RGB", (64, 64), colour).save(path)
        results.append(bench.draw("sd-cpp", tiny_flux, inputs={"ref_image": path}).data)
    plain, red, blue, blue_again = results
    assert len({plain, red, blue}) == 3
    assert blue == blue_again


def test_every_sampling_method_is_the_librarys(tiny_flux: Model) -> None:
    # In a process of its own: the library keeps state and prints to the standard streams.
    code = (
        "from stable_diffusion_cpp.stable_diffusion import SAMPLE_METHOD_MAP, SCHEDULER_MAP\n"
        "print(*SAMPLE_METHOD_MAP, '|', *SCHEDULER_MAP)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    methods, _, schedules = printed.partition("|")
    assert set(SAMPLERS) == set(methods.split()) - {"default", "sample_method_count"}
    assert {"karras", "exponential", "sgm_uniform", "simple"} <= set(schedules.split())


def test_sampling_methods_and_schedules_reach_the_library(
    bench: ModelBench, tiny_flux: Model
) -> None:
    names = ("euler", "euler_a", "heun", "DPM++ 2M", "dpm++2m_karras", "lcm")
    pictures = {
        bench.draw("sd-cpp", tiny_flux, sampling_method=name, steps=4).data for name in names
    }
    assert len(pictures) == len(names)


def test_flow_shift_and_guidance_of_the_model_source_count(
    bench: ModelBench, tiny_flux: Model
) -> None:
    plain = bench.draw("sd-cpp", tiny_flux, steps=3)
    shifted = replace(tiny_flux, defaults=CliDefaults(flow_shift=7.0))
    assert bench.draw("sd-cpp", shifted, steps=3).data != plain.data


def test_a_lora_counts_by_its_weight(bench: ModelBench, tiny_flux: Model, tmp_path: Path) -> None:
    lora = make_tiny_lora(tmp_path / "brush.safetensors")
    model = replace(tiny_flux, files={**tiny_flux.files, "lora": [lora]})
    plain = bench.draw("sd-cpp", tiny_flux).data
    full = bench.draw("sd-cpp", model).data
    half = bench.draw("sd-cpp", model, prompt="a cat <lora:brush:0.5>").data
    none = bench.draw("sd-cpp", model, prompt="a cat <lora:brush:0>").data
    assert len({plain, full, half}) == 3
    assert none == plain


def test_a_lora_that_the_model_does_not_have_is_never_opened(
    bench: ModelBench, tiny_flux: Model
) -> None:
    with pytest.raises(InvalidTask, match="'/etc/hostname', which is not a file of this model"):
        bench.draw("sd-cpp", tiny_flux, prompt="<lora:/etc/hostname:1>")


def test_a_vae_that_cannot_encode_serves_text_alone(
    bench: ModelBench, tiny_flux: Model, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file, save_file

    (whole,) = tiny_flux.files["vae"]
    half = tmp_path / "taef1.safetensors"
    tensors = {n: t for n, t in load_file(str(whole)).items() if n.startswith("decoder.")}
    save_file(tensors, str(half))
    model = replace(tiny_flux, name="half", files={**tiny_flux.files, "vae": [half]})
    assert bench.draw("sd-cpp", model).data == bench.draw("sd-cpp", tiny_flux).data
    path = tmp_path / "init.png"
    Image.new("RGB", (64, 64)).save(path)
    with pytest.raises(InvalidTask, match="has no encoder"):
        bench.draw("sd-cpp", model, inputs={"init_image": path})
