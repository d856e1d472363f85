"""Whatever text an engine makes, the job keeps its result or its reason."""

from __future__ import annotations

import pytest

from studio_worker_core.errors import EngineFailed
from studio_worker_core.lanes.results import Result
from studio_worker_core.plugin import ChatMessage, LlmTask
from tests.support.fault_answers import said_text
from tests.support.lane_bench import LaneBench, answer_of
from tests.support.plugin_builder import HEAD, PluginSite

PLUGIN = (
    HEAD + "@hookimpl\ndef studio_worker_engines(host):\n"
    "    return [EngineSpec(name='odd', models={TaskKind.LLM: ['odd']},\n"
    "                       factory='odd_engine:Odd')]\n"
)
ENGINE = r"""
from studio_worker_core.plugin import Engine, EngineFailed, InvalidTask

class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no text")

class Odd(Engine):
    def generate(self, job):
        bad = "\ud83d half \udc80"
        match job.task.messages[0].content:
            case "log":
                job.log(bad + "\x1b[2J\0")
                job.progress(0.5, bad)
            case "flood":
                for _ in range(50):
                    job.log("x" * 10_000_000)
            case "failed":
                raise EngineFailed(bad)
            case "invalid":
                raise InvalidTask(bad)
            case "raise":
                raise ValueError(bad)
            case "mute":
                raise Mute
            case "exit":
                raise SystemExit(bad)
        message = {"content": bad}
        return {"choices": [{"message": message}], bad: [bad, 1]}
"""


@pytest.mark.parametrize("what", ["log", "answer", "flood"])
def test_surrogates_and_floods_cost_no_result(
    bench: LaneBench, site: PluginSite, what: str
) -> None:
    result = _ask(bench, site, what)
    assert isinstance(result, Result)
    assert said_text(answer_of(result)) == r"\ud83d half \udc80"
    assert all(len(line) < 5000 for line in bench.logs)


@pytest.mark.parametrize("what", ["failed", "invalid", "raise", "mute", "exit"])
def test_surrogates_cost_no_reason(bench: LaneBench, site: PluginSite, what: str) -> None:
    wanted = "Mute" if what == "mute" else r"\ud83d half \udc80"
    with pytest.raises(Exception) as failed:  # noqa: PT011 - InvalidTask or EngineFailed
        _ask(bench, site, what)
    assert wanted in str(failed.value)
    assert what == "invalid" or isinstance(failed.value, EngineFailed)


def _ask(bench: LaneBench, site: PluginSite, what: str) -> object:
    site.add("odd", PLUGIN)
    (site.root / "odd_engine.py").write_text(ENGINE, "utf-8")
    task = LlmTask(messages=[ChatMessage("user", what)])
    return bench.run(task, model="odd", entry=site.entry("odd"))
