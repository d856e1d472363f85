"""What only ``diffusers`` does."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image

from plugins.image.tests.models.model_bench import ModelBench
from studio_worker_core.errors import EngineFailed, InvalidTask
from studio_worker_core.plugin import Model
from studio_worker_image.diffusion.samplers import SAMPLERS

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]


def test_a_checkpoint_draws_the_same_as_the_directory_it_was_made_from(
    bench: ModelBench, tiny_directory: Model, tiny_single: Model
) -> None:
    directory = bench.draw("diffusers", tiny_directory)
    assert bench.draw("diffusers", tiny_single).data == directory.data


def test_the_prompts_and_the_guidance_change_the_picture(
    bench: ModelBench, tiny_directory: Model
) -> None:
    pictures = [
        bench.draw(
            "diffusers", tiny_directory, cfg_scale=scale, prompt=said, negative_prompt=not_
        ).data
        for scale, said, not_ in (
            (7.0, "a cat", None),
            (7.0, "a dog", None),
            (7.0, "a cat", "blurry"),
            (1.0, "a cat", None),
        )
    ]
    assert len(set(pictures)) == 4


def test_every_sampling_method_draws(bench: ModelBench, tiny_directory: Model) -> None:
    for name in SAMPLERS:
        for steps in (1, 4):
            picture = bench.draw("diffusers", tiny_directory, sampling_method=name, steps=steps)
            assert picture.image.size == (64, 64)


def test_a_sampling_method_does_not_stay_for_the_next_job(
    bench: ModelBench, tiny_directory: Model
) -> None:
    before = bench.draw("diffusers", tiny_directory, steps=4)
    other = bench.draw("diffusers", tiny_directory, steps=4, sampling_method="DPM++ 2M Karras")
    after = bench.draw("diffusers", tiny_directory, steps=4)
    assert before.data == after.data
    assert other.data != before.data


def test_a_checkpoint_without_its_configs_says_what_to_add(
    cold_bench: ModelBench, tiny_single: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))  # a cache with nothing in it
    bare = replace(tiny_single, files={"model": tiny_single.files["model"]})
    with pytest.raises(EngineFailed, match=r"role 'config', a \.zip"):
        cold_bench.draw("diffusers", bare)


def test_a_model_that_names_foreign_code_is_refused(
    bench: ModelBench, tiny_single: Model, tiny_forms: Path, tmp_path: Path
) -> None:
    evil = tmp_path / "evil.zip"
    with zipfile.ZipFile(tiny_forms / "configs.zip") as good, zipfile.ZipFile(evil, "w") as bad:
        for name in good.namelist():
            text = good.read(name).decode()
            if name == "model_index.json":
                text = text.replace('"diffusers",\n    "UNet2D', '"os",\n    "UNet2D')
            bad.writestr(name, text)
    model = replace(tiny_single, files={**tiny_single.files, "config": [evil]})
    with pytest.raises(InvalidTask, match="only diffusers and transformers are allowed"):
        bench.draw("diffusers", model)


def test_weights_that_do_not_fit_the_config_are_a_clear_failure(
    bench: ModelBench, tiny_directory: Model, tmp_path: Path
) -> None:
    config = next(p for p in tiny_directory.files["unet"] if p.name == "unet.config.json")
    other = tmp_path / config.name
    other.write_text(config.read_text().replace("32,\n    64", "64,\n    128"))
    assert other.read_text() != config.read_text()
    files = {
        **tiny_directory.files,
        "unet": [other if p == config else p for p in tiny_directory.files["unet"]],
    }
    with pytest.raises(EngineFailed, match="diffusers cannot load it"):
        bench.draw("diffusers", replace(tiny_directory, files=files))


def test_a_reference_picture_needs_an_editing_model(
    bench: ModelBench, tiny_directory: Model, tmp_path: Path
) -> None:
    path = tmp_path / "reference.png"
    Image.new("RGB", (64, 64)).save(path)
    with pytest.raises(InvalidTask, match="takes no refImageUrl"):
        bench.draw("diffusers", tiny_directory, inputs={"ref_image": path})


def test_an_init_image_of_another_shape_fills_the_picture(
    bench: ModelBench, tiny_directory: Model, tmp_path: Path
) -> None:
    path = tmp_path / "wide.png"
    Image.new("RGBA", (300, 40), (0, 0, 255, 128)).save(path)
    kept = bench.draw("diffusers", tiny_directory, inputs={"init_image": path}, denoise=0.0)
    ((count, colour),) = kept.image.getcolors() or []
    assert count == 64 * 64
    assert colour == pytest.approx((127, 127, 255), abs=1)
