"""Twelve plugins, each broken in a way of its own, and a host that goes on with the good one.

The ways to break at load are told apart in ``test_broken_plugins.py``; here all are installed
at once, with those that break only when they work.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio_worker_core.errors import EngineFailed
from studio_worker_core.lanes.pool import Lanes
from studio_worker_core.lanes.results import Result
from studio_worker_core.roster.roster import Roster
from tests.support.field import Field
from tests.support.lane_bench import LaneBench
from tests.support.plugin_builder import HEAD, PluginSite, good_source

HOOK = HEAD + "@hookimpl\ndef studio_worker_engines(host):\n    "

BROKEN_AT_LOAD: dict[str, tuple[str, str]] = {
    "missing-library": ("import no_such_library\n", "No module named 'no_such_library'"),
    "no-python": ("def plugin(:\n", "SyntaxError"),
    "exits": ("raise SystemExit(3)\n", "SystemExit: 3"),
    "hangs": ("import threading\nthreading.Event().wait(600)\n", "did not finish within"),
    "too-new": (good_source("new") + "studio_worker_api = (2, 3)\n", "this host is older than"),
    "no-hooks": ("engines = ['nothing']\n", "implements no hook"),
    "hook-raises": (HOOK + "raise RuntimeError('no GPU')\n", "raised RuntimeError: no GPU"),
    "bad-return": (HOOK + "return {'engine': 'x'}\n", "returned a dict, not a list of EngineSpec"),
    "usurper": (good_source("synthetic"), "studio-worker"),
    "other-mime": (good_source("other", "{'png': 'image/x-png'}"), ".png is image/png"),
}
"""Distribution → plugin module, and what its reason says."""

BROKEN_AT_WORK: dict[str, tuple[str, str]] = {
    "crashes": (
        "import ctypes\n"
        "class Engine(Engine):\n"
        "    def load(self, model): ctypes.string_at(0)\n"
        "    def generate(self, job): ...\n",
        "killed by SIGSEGV",
    ),
    "undeclared": (
        "class Engine(Engine):\n"
        "    def generate(self, job):\n"
        "        path = job.output('tiff'); path.write_bytes(b'II*\\0'); return path\n",
        "extension 'tiff', which its plugin undeclared does not declare (it declares: png)",
    ),
}
"""Distribution → engine module, and what the failed job says."""

GOOD = (
    "from PIL import Image\n"
    "class Engine(Engine):\n"
    "    def generate(self, job):\n"
    "        path = job.output('png'); Image.new('RGB', (8, 8)).save(path); return path\n"
)
ENGINE_HEAD = "from studio_worker_core.plugin import Engine\n"


def install_all(site: PluginSite, *, without: str = "") -> None:
    """All twelve, and the engine ``good``."""
    for name, (source, _) in BROKEN_AT_LOAD.items():
        if name != without:
            site.add(name, source)
    for name, (engine, _) in {**BROKEN_AT_WORK, "good": (GOOD, "")}.items():
        site.add(name, good_source(name))
        (site.root / f"{name}_engine.py").write_text(ENGINE_HEAD + engine, "utf-8")


@pytest.fixture
def roster(site: PluginSite) -> Roster:
    install_all(site)
    return site.discover(seconds=10)


def test_there_are_twelve_ways() -> None:
    assert len(BROKEN_AT_LOAD) + len(BROKEN_AT_WORK) == 12


def test_each_is_withdrawn_with_its_reason_and_the_good_ones_are_offered(roster: Roster) -> None:
    for name, (_, said) in BROKEN_AT_LOAD.items():
        entry = next(e for e in roster.entries if e.distribution == name)
        assert not entry.ready
        assert entry.version == "1.0"
        assert said in (entry.reason or ""), name
        assert entry.remedy
        assert entry.source
    offered = [info.name for info in roster.offerings().engines]
    assert offered == ["crashes", "good", "synthetic", "undeclared"]
    assert roster.offerings().extensions["png"] == "image/png"


def test_those_that_break_at_work_fail_their_own_jobs_only(
    roster: Roster, bench: LaneBench
) -> None:
    good = roster.find("good")
    for name, (_, said) in BROKEN_AT_WORK.items():
        for _ in range(3):
            with pytest.raises(EngineFailed) as failed:
                bench.run("x", model="a", entry=roster.find(name))
            assert said in str(failed.value)
            result = bench.run("x", model="a", entry=good)
            assert isinstance(result, Result)
    lanes: Lanes = bench.lanes
    # Three crashes in a row take an engine out; a wrong file type is no crash.
    assert lanes.withdrawn() == {"crashes"}
    assert [e.name for e in roster.offerings(lanes.withdrawn()).engines] == [
        *("good", "synthetic", "undeclared")
    ]


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    pytest.importorskip("studio_worker_studio", reason="the studio plugin is not installed")
    with contextlib.ExitStack() as stack:
        yield Field(tmp_path / "field", stack)


def test_a_worker_with_all_of_them_registers_and_serves(field: Field, site: PluginSite) -> None:
    # The one that hangs is left out: a real host waits 30 s for it.
    install_all(site, without="hangs")
    field.start_studio()
    worker = field.connected_worker(env={"PYTHONPATH": str(site.root)})
    offered = field.operator.wait_worker("idle")["capabilities"]
    assert {"crashes", "good", "undeclared"} <= {e["name"] for e in offered["engines"]}
    assert "other" not in json.dumps(offered["engines"])
    task = {"kind": "image", "prompt": "x", "width": 8, "height": 8}
    for name, (_, said) in BROKEN_AT_WORK.items():
        source = {"engine": name, "files": []}
        job = field.operator.submit("a", task, modelSource=source, maxAttempts=1)
        ended = field.operator.wait_job(job)
        assert ended["state"] == "failed"
        assert said in ended["error"]
    job = field.operator.submit("a", task, modelSource={"engine": "good", "files": []})
    assert field.operator.wait_job(job)["state"] == "done"
    for name in BROKEN_AT_LOAD.keys() - {"hangs"}:
        assert any(f"of {name} 1.0 is withdrawn" in line for line in worker.lines), name
