"""A lane answers with the model it was asked for: new bytes under an old name are a new model."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from studio_worker_core.lanes.model_identity import model_identity
from studio_worker_core.lanes.results import Result
from studio_worker_core.plugin import ChatMessage, CliDefaults, LlmTask, Model
from tests.support.fault_answers import said_text
from tests.support.lane_bench import LaneBench, answer_of
from tests.support.plugin_builder import HEAD, PluginSite

PLUGIN = (
    HEAD + "@hookimpl\ndef studio_worker_engines(host):\n"
    "    return [EngineSpec(name='reader', models={TaskKind.LLM: ['reader:*']},\n"
    "                       factory='reader_engine:Reader')]\n"
)
ENGINE = """
from studio_worker_core.plugin import Engine
class Reader(Engine):
    def load(self, model):
        self.read = model.file("weights").read_text()
    def generate(self, job):
        return {"choices": [{"message": {"content": self.read}}]}
"""


@pytest.fixture
def ask(bench: LaneBench, site: PluginSite) -> Callable[[Model], str]:
    site.add("reader", PLUGIN)
    (site.root / "reader_engine.py").write_text(ENGINE, "utf-8")
    entry = site.entry("reader")
    task = LlmTask(messages=[ChatMessage("user", "what did you load?")])

    def asked(model: Model) -> str:
        request = bench.request(task, entry=entry)
        result = bench.lanes.run(
            type(request)(
                **{f: getattr(request, f) for f in request.__struct_fields__ if f != "model"},
                model=model,
            ),
            cancel=bench.cancel,
            on_progress=lambda *_: None,
            on_log=lambda *_: None,
        )
        assert isinstance(result, Result)
        return said_text(answer_of(result))

    return asked


def test_replaced_files_are_loaded_before_the_next_answer(
    ask: Callable[[Model], str], bench: LaneBench, tmp_path: Path
) -> None:
    weights = tmp_path / "weights.bin"
    weights.write_text("old", "utf-8")
    model = Model("m", {"weights": [weights]})
    assert ask(model) == "old"
    warm = bench.pid()
    assert ask(model) == "old"
    assert bench.pid() == warm, "an unchanged model stays loaded"
    fresh = tmp_path / "fresh"
    fresh.write_text("new", "utf-8")
    os.utime(fresh, ns=(0, weights.stat().st_mtime_ns))  # same size, same time
    fresh.replace(weights)
    assert ask(model) == "new"
    assert bench.pid() != warm


def test_other_defaults_and_other_roles_are_another_model(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("a", "utf-8")
    first = model_identity(Model("m", {"vae": [file]}))
    assert first == model_identity(Model("m", {"vae": [file]}))
    assert first != model_identity(Model("m", {"model": [file]}))
    assert first != model_identity(Model("m", {"vae": [file]}, CliDefaults(steps=3)))
    assert first != model_identity(Model("m", {"vae": [file, file]}))
    file.unlink()
    assert first != model_identity(Model("m", {"vae": [file]}))
