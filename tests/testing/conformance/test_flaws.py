"""Each check of the kit finds the flaw it is there for, and says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from studio_worker_core.plugin import TaskKind
from studio_worker_core.testing.conformance import CHECKS, Finding, Subject, check_engine
from tests.testing.conformance.conftest import PICTURE

Check = Callable[..., list[Finding]]

HEAD = "import time\nfrom PIL import Image\nfrom studio_worker_core.plugin import *\n"
ENGINE = HEAD + "class Flawed(Engine):\n    def generate(self, job):\n        task = job.task\n"
SAVE = (
    "        path = job.output('png')\n"
    "        Image.new('RGB', (task.width, task.height)).save(path)\n"
    "        return path\n"
)
REFUSE = "        if task.width > 4096: raise InvalidTask('too large')\n"

FLAWS: dict[str, tuple[str, dict[str, str], str]] = {
    "one model of several does not work": (
        "models",
        {
            "models": "['flawed', 'other']",
            "engine": ENGINE
            + "        if job.model.name == 'other': raise EngineFailed('no')\n"
            + SAVE,
        },
        "model 'other': the job failed: EngineFailed",
    ),
    "a file that is not what it says": (
        "decodes",
        {"engine": ENGINE + "        p = job.output('png'); p.write_bytes(b'GIF89a'); return p\n"},
        "said to be png, its bytes are gif",
    ),
    "a file that is cut off": (
        "decodes",
        {
            "engine": ENGINE
            + SAVE.replace("return path", "path.write_bytes(path.read_bytes()[:-30]); return path")
        },
        "cannot be read back",
    ),
    "a declared type that is never written": (
        "extensions",
        {"extensions": "{'png': 'image/png', 'bmp': 'image/bmp'}", "engine": ENGINE + SAVE},
        "declares bmp",
    ),
    "a wish for an unknown type fails the job": (
        "unknown-extension",
        {
            "engine": ENGINE
            + "        if task.ext != 'webp': raise InvalidTask('png only')\n"
            + SAVE
        },
        "ext is a wish",
    ),
    "an extension that was never declared": (
        "unknown-extension",
        {"engine": ENGINE + SAVE.replace("job.output('png')", "job.output('gif')")},
        "does not declare",
    ),
    "always the same size": (
        "as-asked",
        {"engine": ENGINE + SAVE.replace("(task.width, task.height)", "(64, 64)")},
        "is 64×64 pixels, asked for 128×64",
    ),
    "a seed that does not hold in another process": (
        "seed",
        {
            "engine": ENGINE
            + SAVE.replace(
                "(task.width, task.height))",
                "(task.width, task.height), hash(task.prompt) % 2**24)",
            )
        },
        "other bytes in a fresh process",
    ),
    "a seed of which 32 bits count": (
        "seed",
        {
            "engine": ENGINE
            + SAVE.replace(
                "(task.width, task.height))", "(task.width, task.height), task.seed % 2**32)"
            )
        },
        "the seeds 7 and 4294967303 give the same bytes",
    ),
    "a report of another size": (
        "report",
        {"engine": ENGINE + "        job.report(width=99)\n" + SAVE},
        "reports 99×64 pixels, the file has 128×64",
    ),
    "a report of another seed": (
        "report",
        {"engine": ENGINE + "        job.report(seed=8)\n" + SAVE},
        "reports the seed 8, asked for 7",
    ),
    "a report that makes no sense": (
        "report",
        {"engine": ENGINE + "        job.report(steps=0)\n" + SAVE},
        "report: steps 0 is not 1 to 10000",
    ),
    "progress that goes back": (
        "progress",
        {"engine": ENGINE + "        job.progress(0.8); job.progress(0.3)\n" + SAVE},
        "went back from 0.8 to 0.3",
    ),
    "progress in percent": (
        "progress",
        {"engine": ENGINE + "        job.progress(50)\n" + SAVE},
        "50.0, which is not between 0 and 1",
    ),
    "deaf to cancel": (
        "cancel",
        {
            "engine": ENGINE + "        job.progress(0.1)\n"
            "        if task.width > 500: time.sleep(30)\n" + SAVE
        },
        "ended by force",
    ),
    "absurd sizes are tried": (
        "bad-parameters",
        {"engine": ENGINE + SAVE.replace("(task.width, task.height)", "(64, 64)")},
        "made something of 16384×16384 pixels",
    ),
    "absurd sizes fail in their own way": (
        "bad-parameters",
        {"engine": ENGINE + "        assert task.width < 4096\n" + SAVE},
        "EngineFailed instead of InvalidTask",
    ),
    "an odd parameter crashes it": (
        "odd-parameters",
        {"engine": ENGINE + "        assert task.prompt\n" + SAVE},
        "an empty prompt: EngineFailed instead of InvalidTask",
    ),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_is_found_and_named(check: Check, flaw: str) -> None:
    name, installed, said = FLAWS[flaw]
    (finding,) = check(name, **installed)
    assert finding.outcome == "failed", finding
    assert said in finding.detail
    assert finding.meaning


@pytest.mark.parametrize(
    ("emitted", "found"),
    [
        ("'hello'", "emitted '' where its result has ' world', from character 5"),
        ("'<think>hm</think>', 'hello', ' you'", "emitted 'you' where its result has 'world'"),
        ("'hello', ' world'", "emitted the stop text 'world'; hold it back"),
    ],
)
def test_what_is_emitted_and_not_said_is_found(check: Check, emitted: str, found: str) -> None:
    engine = ENGINE + (
        f"        for piece in ({emitted},): job.emit(text=piece)\n"
        "        message = {'role': 'assistant', 'content': 'hello world'}\n"
        "        return {'choices': [{'message': message, 'finish_reason': 'stop'}]}\n"
    )
    (finding,) = check("emit", engine=engine, kind="LLM")
    assert (finding.outcome, found in finding.detail) == ("failed", True), finding.detail


OPTIONS = """
from typing import Annotated, Literal
from msgspec import Meta, Struct

class Options(Struct):
    level: Annotated[int, Meta(ge=0, le=9)] = 1
    edge: Literal["hard", "soft"] = "hard"
"""


@pytest.mark.parametrize(
    ("flaw", "outcome", "said"),
    [
        ("", "passed", "4 values of level, edge"),
        ("if job.options.level == 9: raise InvalidTask('not 9')", "failed", "options.level of 9"),
        ("if job.options.edge == 'soft': raise EngineFailed('no')", "failed", "of 'soft' is"),
    ],
)
def test_options_are_tried_at_their_ends(
    check: Check, plugin_text: str, tmp_path: Path, flaw: str, outcome: str, said: str
) -> None:
    engine = PICTURE.replace(
        "        task = job.task\n", f"        task = job.task\n        {flaw}\n"
    )
    plugin = plugin_text.replace('version="1"', 'version="1", options="flawed_options:Options"')
    (tmp_path / "site" / "flawed_options.py").write_text(OPTIONS, "utf-8")
    (finding,) = check("options", engine=engine, plugin=plugin)
    assert (finding.outcome, said in finding.detail) == (outcome, True), finding.detail


@pytest.mark.parametrize(
    ("flaw", "outcome", "said"),
    [
        ("", "passed", "4 values of level, edge"),
        ("if self.settings.level == 9: raise InvalidTask('no')", "failed", "setting level of 9"),
        ("if self.settings.edge == 'soft': raise EngineFailed('no')", "failed", "of 'soft' is"),
    ],
)
def test_settings_are_tried_at_their_ends(
    check: Check, plugin_text: str, tmp_path: Path, flaw: str, outcome: str, said: str
) -> None:
    engine = PICTURE.replace(
        "        task = job.task\n", f"        task = job.task\n        {flaw}\n"
    )
    plugin = plugin_text.replace('version="1"', 'version="1", settings="flawed_options:Options"')
    (tmp_path / "site" / "flawed_options.py").write_text(OPTIONS, "utf-8")
    (finding,) = check("settings", engine=engine, plugin=plugin)
    assert (finding.outcome, said in finding.detail) == (outcome, True), finding.detail


CHAT = """
from studio_worker_core.plugin import *

class Flawed(Engine):
    def generate(self, job):
        message = {"content": "hi"}
        choice = {"message": message, "finish_reason": "stop"}
        if job.task.tools:
            message["tool_calls"] = [{"function": {"name": "weather", "arguments": '{"town": 1}'}}]
        if job.task.top_logprobs is not None:
            choice["logprobs"] = {"content": [{"token": "hi", "logprob": -0.5}]}
        return {"choices": [choice]}
"""


@pytest.mark.parametrize(
    ("said", "flaw", "outcome", "detail"),
    [
        ("['tools', 'logprobs']", ("", ""), "passed", "1 calls, 1 tokens with their"),
        ("['tools']", ("job.task.tools", "False"), "passed", "called nothing"),
        ("[]", ("", ""), "skipped", "text alone"),
        ("['tools']", ("weather", "time"), "failed", "called 'time', which was not offered"),
        ("['tools']", ('{"town": 1}', "Rome"), "failed", "no JSON object"),
        ("['logprobs']", ("[{", "None and [{"), "failed", "gave no logprobs.content"),
        ("['logprobs']", ("-0.5", "0.5"), "failed", "above 0"),
    ],
)
def test_what_an_engine_says_it_does_in_chats_is_tried(
    check: Check,
    plugin_text: str,
    said: str,
    flaw: tuple[str, str],
    outcome: str,
    detail: str,
) -> None:
    engine = CHAT.replace(*flaw) if flaw[0] else CHAT
    plugin = plugin_text.replace('version="1"', f'version="1", chat={said}')
    (finding,) = check("chat", engine=engine, plugin=plugin, kind="LLM", extensions="{}")
    assert (finding.outcome, detail in finding.detail) == (outcome, True), finding.detail


def test_a_heavy_import_is_named(subject: Callable[..., Subject], plugin_text: str) -> None:
    found = check_engine(subject(plugin="import PIL.Image\n" + plugin_text), only=["light-import"])
    (finding,) = found.findings
    assert finding.outcome == "failed"
    assert "import PIL" in finding.detail


def test_a_slow_import_is_measured(subject: Callable[..., Subject], plugin_text: str) -> None:
    slow = "import time\nend = time.thread_time() + 0.25\nwhile time.thread_time() < end: pass\n"
    (finding,) = check_engine(subject(plugin=slow + plugin_text), only=["light-import"]).findings
    assert finding.outcome == "failed"
    assert "at most 200 ms" in finding.detail


def test_a_plugin_that_does_not_load_fails_once_and_is_not_run(
    subject: Callable[..., Subject], plugin_text: str
) -> None:
    newer = plugin_text + "\nstudio_worker_api = (7, 9)\n"
    report = check_engine(subject(plugin=newer, find="flawed-plugin"))
    first, *others = report.findings
    assert (first.check, first.outcome) == ("loads", "failed")
    assert "this host is older" in first.detail
    assert "update studio-worker" in first.detail
    assert {finding.outcome for finding in others} == {"skipped"}
    assert not report.passed


def test_an_engine_without_flaws_passes_every_check(subject: Callable[..., Subject]) -> None:
    told: list[Finding] = []
    report = check_engine(subject(), on_finding=told.append)
    assert [finding.check for finding in told] == [check.name for check in CHECKS]
    lacking = ("options", "settings")
    of_pictures = [
        check.name
        for check in CHECKS
        if TaskKind.IMAGE in check.kinds and check.name not in lacking
    ]
    passed = [f.check for f in report.findings if f.outcome == "passed"]
    assert passed == of_pictures
    assert report.passed
    assert report.as_object()["ok"] is True


def test_an_engine_for_any_model_is_skipped_with_what_to_do(check: Check) -> None:
    (finding,) = check("decodes", models="['flawed:*']")
    assert finding.outcome == "skipped"
    assert "--model-source" in finding.detail


def test_an_engine_that_could_not_be_run_is_not_said_to_pass(
    subject: Callable[..., Subject],
) -> None:
    report = check_engine(subject(models="['flawed:*']"))
    assert any(finding.outcome == "passed" for finding in report.findings), "it loads"
    assert report.failed == []
    assert report.unproven == [TaskKind.IMAGE]
    assert not report.passed
    assert report.as_object()["unproven"] == ["image"]


def test_every_check_says_in_one_line_what_it_means() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    for check in CHECKS:
        assert 20 < len(check.meaning) < 110, check.name
