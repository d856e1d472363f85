"""One table knows the project's own plugins, and it is right."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pluggy
import pytest

import studio_worker_image.plugin
import studio_worker_llm.plugin
import studio_worker_tts.plugin
import studio_worker_video.plugin
from studio_worker_core.first_party import EXTRA_OF_ENGINE, MODELS, PROJECTS
from studio_worker_core.plugin import EngineSpec, HookSpecs, HostInfo
from studio_worker_core.synthetic import plugin as synthetic

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "studio_worker_core"
NAMES = {
    *EXTRA_OF_ENGINE,
    *(model.model for model in MODELS if model.engine != "synthetic"),
    *(f"studio-worker-{name}" for name in PROJECTS),
    *(f"studio_worker_{name}" for name in PROJECTS - {"core"}),
}
_OTHERS = {
    "first_party.py": NAMES,
    # The protocol's own list of engines, and libraries that have the name of an engine.
    "wire/models.py": {"llama-cpp", "sd-cpp"},
    "testing/conformance/import_probe.py": {"diffusers"},
}


def _strings(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_nothing_else_in_the_core_names_a_plugin_of_the_project() -> None:
    for file in CORE.rglob("*.py"):
        place = file.relative_to(CORE).as_posix()
        strays = NAMES.intersection(_strings(file)) - _OTHERS.get(place, set())
        assert not strays, f"{place} knows {strays}; first_party.py is the table of them"


def test_every_extra_and_project_is_there() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert set(EXTRA_OF_ENGINE.values()) <= set(pyproject["project"]["optional-dependencies"])
    there = {path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")} - {"example"}
    assert there | {"core", "synthetic"} == PROJECTS


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, EngineSpec]:
    host = HostInfo(1, "0.1.0", tmp_path_factory.mktemp("models"))
    manager = pluggy.PluginManager("studio_worker")
    manager.add_hookspecs(HookSpecs)
    for each in (studio_worker_image, studio_worker_llm, studio_worker_tts, studio_worker_video):
        manager.register(each.plugin)
    manager.register(synthetic)
    found = manager.hook.studio_worker_engines(host=host)
    return {spec.name: spec for specs in found for spec in specs}


def test_every_engine_of_ours_is_in_the_table(specs: dict[str, EngineSpec]) -> None:
    assert set(specs) - {"synthetic"} <= set(EXTRA_OF_ENGINE)


def test_every_model_of_the_table_is_one_its_engine_has(specs: dict[str, EngineSpec]) -> None:
    for model in MODELS:
        kinds = specs[model.engine].models
        for kind in kinds if model.kind is None else (model.kind,):
            assert model.model in kinds[kind]
