"""The public contract: what it exports, how light it is, and what its classes promise."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from studio_worker_core import plugin
from studio_worker_core.plugin import (
    Engine,
    HookSpecs,
    ImageTask,
    Job,
    JobCancelled,
    Model,
)

EXPORTED = {
    "API_VERSION",
    "AudioSttTask",
    "AudioTtsTask",
    "CapabilityReport",
    "ChatMessage",
    "CliDefaults",
    "CommandSpec",
    "ENTRY_POINT_GROUP",
    "Engine",
    "EngineFailed",
    "EngineSpec",
    "HookSpecs",
    "HostInfo",
    "ImageTask",
    "InvalidTask",
    "Job",
    "JobCancelled",
    "JobEvent",
    "LlmTask",
    "Model",
    "Output",
    "Place",
    "Secret",
    "Task",
    "TaskKind",
    "VideoTask",
    "hookimpl",
}

HOOKS = {
    "studio_worker_capabilities": ["host"],
    "studio_worker_commands": [],
    "studio_worker_engines": ["host"],
    "studio_worker_extensions": [],
    "studio_worker_job_event": ["event"],
}


def test_the_exported_names_are_the_contract() -> None:
    """A name added here is public from then on; one taken away raises API_VERSION."""
    assert set(plugin.__all__) == EXPORTED
    assert plugin.API_VERSION == 1


def test_every_hook_is_documented_with_its_arguments_and_the_version_that_added_it() -> None:
    hooks = {name: hook for name, hook in vars(HookSpecs).items() if name.startswith("studio_")}
    assert {
        name: list(inspect.signature(hook).parameters)[1:] for name, hook in hooks.items()
    } == HOOKS
    for name, hook in hooks.items():
        text = inspect.getdoc(hook) or ""
        assert "Since API 1" in text, name
        for argument in HOOKS[name]:
            assert f":param {argument}:" in text, name


def test_the_contract_pulls_in_nothing_heavy() -> None:
    script = "import sys, studio_worker_core.plugin; print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    heavy = {"PIL", "numpy", "psutil", "requests", "rich", "tomlkit", "typer", "websockets"}
    assert not heavy & set(done.stdout.split())


class HeardJob(Job[ImageTask]):
    """A job that remembers what was reported."""

    def __init__(self, root: Path) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.stop = False
        super().__init__(
            id="job",
            task=ImageTask(prompt="x"),
            model=Model("m"),
            inputs={},
            directory=root,
            scratch=root,
            on_progress=lambda *what: self.heard.append(what),
            on_log=lambda *what: self.heard.append(what),
            is_cancelled=lambda: self.stop,
        )


def test_progress_is_kept_between_zero_and_one_and_never_goes_back(tmp_path: Path) -> None:
    job = HeardJob(tmp_path)
    for fraction in (-1.0, 0.5, 0.2, 7.0, float("nan")):
        job.progress(fraction)
    assert job.heard == [(0.0, None), (0.5, None), (1.0, None)]


def test_what_a_job_reports_is_kept_the_later_value_counts(tmp_path: Path) -> None:
    job = HeardJob(tmp_path)
    assert job.reported == {}
    job.report(seed=2**64 - 1, steps=4)
    job.report(steps=8, width=512, height=None)
    assert job.reported == {"seed": 2**64 - 1, "steps": 8, "width": 512}
    assert job.heard == []


def test_whole_numbers_of_other_libraries_are_reported_as_plain_ones(tmp_path: Path) -> None:
    class Whole:
        def __index__(self) -> int:
            return 7

    job = HeardJob(tmp_path)
    job.report(seed=Whole())  # type: ignore[arg-type]
    assert type(job.reported["seed"]) is int


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1),
        ("seed", 2**64),
        ("seed", "7"),
        ("seed", True),
        ("steps", 0),
        ("steps", 1.5),
        ("width", 16385),
        ("height", [64]),
    ],
)
def test_a_report_that_makes_no_sense_is_left_out_and_said(
    tmp_path: Path, name: str, value: Any
) -> None:
    job = HeardJob(tmp_path)
    job.report(**{name: value})
    assert job.reported == {}
    ((level, line),) = job.heard
    assert level == "warning"
    assert line.startswith(f"report: {name} {value!r} is not ")


def test_a_job_says_where_to_write_and_when_to_stop(tmp_path: Path) -> None:
    job = HeardJob(tmp_path)
    assert job.output("PNG") == tmp_path / "result.png"
    job.log("hello", level="warning")
    assert job.heard == [("warning", "hello")]
    job.check_cancelled()
    job.stop = True
    with pytest.raises(JobCancelled):
        job.check_cancelled()


def test_the_kinds_of_an_engine_are_in_wire_order() -> None:
    spec = plugin.EngineSpec(
        "x", {plugin.TaskKind.VIDEO: ["v"], plugin.TaskKind.IMAGE: ["i"]}, "m:E"
    )
    assert spec.kinds == (plugin.TaskKind.IMAGE, plugin.TaskKind.VIDEO)


def test_a_model_gives_the_first_file_of_a_role(tmp_path: Path) -> None:
    model = Model("m", {"vae": [tmp_path / "a", tmp_path / "b"]})
    assert model.file("vae") == tmp_path / "a"
    assert model.file("lora") is None


def test_an_engine_needs_only_generate() -> None:
    class Smallest(Engine):
        def generate(self, job: Job[Any]) -> plugin.Output:
            return job.output("png")

    engine = Smallest()
    engine.load(Model("m"))
    engine.unload()
    with pytest.raises(TypeError):
        Engine()  # type: ignore[abstract]
