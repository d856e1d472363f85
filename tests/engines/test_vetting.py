"""A plugin whose import ends the process it runs in never ends the host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from studio_worker_core.engines import vetting
from studio_worker_core.engines.discovery import candidates
from studio_worker_core.engines.plugin_records import Fault
from studio_worker_core.engines.vetting import vet
from studio_worker_core.testing.plugin_builder import PluginSite, good_source, installed_in

CRASH = "import ctypes\nctypes.string_at(0)\n"
EXIT = "import os\nos._exit(5)\n"


def vetted(site: PluginSite, cache: Path) -> dict[str, Fault]:
    found = vet(candidates(installed_in(site.root)), cache)
    return {candidate.distribution: fault for candidate, fault in found.items()}


def test_the_deadly_are_named_with_how_and_where(site: PluginSite, tmp_path: Path) -> None:
    site.add("crashes", CRASH)
    site.add("exits", EXIT)
    site.add("good", good_source())
    site.add("raises", "raise RuntimeError('the host tells about it')\n")
    site.add("noisy", "print('try 0', 'ok 0')\nimport os\nos.write(1, b'ok 7')\n")
    found = vetted(site, tmp_path / "cache")
    assert set(found) == {"crashes", "exits"}
    assert "importing crashes ends the process" in found["crashes"].reason
    assert "SIGSEGV" in found["crashes"].reason
    assert found["crashes"].where == f"{site.root / 'crashes.py'}:2"
    assert "code 5" in found["exits"].reason
    assert "exits" in found["exits"].remedy


def test_what_passed_is_not_tried_again_until_it_changes(
    site: PluginSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add("good-plugin", good_source())
    assert vetted(site, tmp_path / "cache") == {}
    with monkeypatch.context() as patch:
        patch.setattr(vetting, "_try", lambda _: pytest.fail("tried again"))
        assert vetted(site, tmp_path / "cache") == {}
    (site.root / "good_plugin.py").write_text(EXIT, "utf-8")
    assert set(vetted(site, tmp_path / "cache")) == {"good-plugin"}


def test_a_mended_plugin_is_taken_at_the_next_start(site: PluginSite, tmp_path: Path) -> None:
    file = site.add("mended", EXIT)
    assert set(vetted(site, tmp_path / "cache")) == {"mended"}
    file.write_text(good_source(), "utf-8")
    assert vetted(site, tmp_path / "cache") == {}


def test_a_hang_is_left_to_the_host_and_those_behind_it_are_tried(
    site: PluginSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vetting, "VET_SECONDS", 2.0)
    site.add("a-hangs", "import threading\nthreading.Event().wait(60)\n")
    site.add("b-exits", EXIT)
    assert set(vetted(site, tmp_path / "cache")) == {"b-exits"}


def test_a_cache_that_cannot_be_written_is_no_error(site: PluginSite, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    site.add("exits", EXIT)
    site.add("good", good_source())
    assert set(vetted(site, tmp_path / "file" / "cache")) == {"exits"}


@pytest.mark.parametrize("arguments", [["--help"], ["engines", "list", "--json"]])
def test_the_command_outlives_a_deadly_plugin(
    site: PluginSite, tmp_path: Path, arguments: list[str]
) -> None:
    site.add("crashes", CRASH)
    site.add("good", good_source())
    done = subprocess.run(
        [sys.executable, "-m", "studio_worker_core.cli.main", *arguments],
        env={
            **os.environ,
            "PYTHONPATH": str(site.root),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if "--json" in arguments:
        states = {entry["engine"]: entry["state"] for entry in json.loads(done.stdout)}
        assert (states["crashes"], states["good"]) == ("broken", "ready")
