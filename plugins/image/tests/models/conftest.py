"""Tiny models made at test time, and lanes to run them in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from plugins.image.tests.models.model_bench import ModelBench
from plugins.image.tests.models.tiny_diffusers import files_by_role
from plugins.image.tests.models.tiny_flux import make_tiny_flux
from studio_worker_core.plugin import Model

_PROGRAM = Path(__file__).with_name("tiny_diffusers.py")


@pytest.fixture(scope="session")
def _settings() -> Iterator[None]:
    # One thread: results repeat, and the engines do not fight the rest of the machine.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("STUDIO_WORKER_SDCPP_THREADS", "1")
        patch.setenv("STUDIO_WORKER_DEVICE", "cpu")
        yield


@pytest.fixture(scope="session")
def warm_lanes(tmp_path_factory: pytest.TempPathFactory, _settings: None) -> Iterator[ModelBench]:
    made = ModelBench(tmp_path_factory.mktemp("warm"))
    yield made
    made.lanes.close()


@pytest.fixture
def bench(warm_lanes: ModelBench) -> ModelBench:
    """Lanes that stay warm from test to test, since loading takes longer than drawing."""
    warm_lanes.forget()
    return warm_lanes


@pytest.fixture
def cold_bench(tmp_path: Path, _settings: None) -> Iterator[ModelBench]:
    """Lanes of the test's own, nothing loaded."""
    made = ModelBench(tmp_path / "cold")
    yield made
    made.lanes.close()


@pytest.fixture(scope="session")
def tiny_flux(tmp_path_factory: pytest.TempPathFactory) -> Model:
    if find_spec("stable_diffusion_cpp") is None:
        pytest.skip("stable-diffusion-cpp-python is not installed")
    return Model("tiny-flux", make_tiny_flux(tmp_path_factory.mktemp("flux")))


@pytest.fixture(scope="session")
def tiny_forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if find_spec("diffusers") is None or find_spec("torch") is None:
        pytest.skip("diffusers is not installed")
    directory = tmp_path_factory.mktemp("diffusers")
    done = subprocess.run(
        [sys.executable, str(_PROGRAM), str(directory)],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return directory


@pytest.fixture(scope="session")
def tiny_directory(tiny_forms: Path) -> Model:
    return Model("tiny-directory", files_by_role(tiny_forms / "flat"))


@pytest.fixture(scope="session")
def tiny_single(tiny_forms: Path) -> Model:
    return Model(
        "tiny-single",
        {"model": [tiny_forms / "single.safetensors"], "config": [tiny_forms / "configs.zip"]},
    )
