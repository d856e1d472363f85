"""Finding plugins, choosing among them, and what they bring."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import pytest

from studio_worker_core.plugin import JobEvent, TaskKind
from studio_worker_core.roster.discovery import allowed_plugins
from tests.support.plugin_builder import HEAD, PluginSite, good_source
from tests.support.waiting import eventually


def test_a_good_plugin_is_ready_with_everything_it_declares(site: PluginSite) -> None:
    file = site.add("good-plugin", good_source(), version="2.5")
    entry = site.entry("good")
    assert entry.ready
    assert (entry.distribution, entry.version) == ("good-plugin", "2.5")
    assert entry.kinds == (TaskKind.IMAGE,)
    assert entry.models == {TaskKind.IMAGE: ("a", "b")}
    assert entry.extensions == {"png": "image/png"}
    assert entry.source == str(file)
    assert entry.import_ms > 0
    assert entry.warnings == ()


def test_the_built_in_engine_is_always_there(site: PluginSite) -> None:
    (entry,) = site.discover().entries
    assert entry.engine == "synthetic"
    assert entry.builtin
    assert entry.ready
    assert all(name.startswith("synthetic") for names in entry.models.values() for name in names)


def test_an_entry_point_without_a_module_is_broken(site: PluginSite) -> None:
    site.add("broken-plugin", "").unlink()
    entry = site.entry("broken-plugin")
    assert entry.state == "broken"
    assert entry.reason is not None
    assert "No module named 'broken_plugin'" in entry.reason


def test_an_import_that_hangs_is_given_up_and_the_place_is_named(site: PluginSite) -> None:
    file = site.add("hanging-plugin", "import threading\nthreading.Event().wait(600)\n")
    entry = site.discover(seconds=8).find("hanging-plugin")
    assert entry is not None
    assert entry.state == "broken"
    assert entry.reason is not None
    assert "importing hanging_plugin did not finish within 8 s" in entry.reason
    assert entry.where == f"{file}:2"


def test_a_slow_import_is_a_warning_that_names_the_plugin(site: PluginSite) -> None:
    site.add(
        "slow-plugin",
        "import time\nend = time.thread_time() + 0.25\nwhile time.thread_time() < end: pass\n"
        + good_source("slow"),
    )
    entry = site.entry("slow")
    assert entry.ready
    assert entry.import_ms > 200
    (warning,) = entry.warnings
    assert "importing slow_plugin took" in warning


def test_an_unknown_hook_is_a_warning_since_the_plugin_may_be_newer(site: PluginSite) -> None:
    site.add(
        "good-plugin", good_source() + "@hookimpl\ndef studio_worker_engnies(host): return []\n"
    )
    entry = site.entry("good")
    assert entry.ready
    assert "studio_worker_engnies" in entry.warnings[0]


def test_what_a_plugin_prints_reaches_no_stream_of_the_host(
    site: PluginSite, capfd: pytest.CaptureFixture[str]
) -> None:
    site.add(
        "noisy-plugin",
        "print('hello')\n"
        + good_source("noisy").replace(
            "    return {'png'", "    print('again')\n    return {'png'"
        ),
    )
    assert site.entry("noisy").ready
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


def test_a_disabled_plugin_is_not_imported(site: PluginSite) -> None:
    site.add("off-plugin", "raise AssertionError('imported')\n", entry_point="off")
    for name in ("off", "off-plugin", "Off_Plugin"):
        entry = site.discover(disabled=(name,)).find("off")
        assert entry is not None
        assert entry.state == "disabled"


def test_one_engine_of_a_plugin_can_be_disabled(site: PluginSite) -> None:
    site.add("good-plugin", good_source())
    roster = site.discover(disabled=("good",))
    entry = roster.find("good")
    assert entry is not None
    assert entry.state == "disabled"
    assert "good" not in [info.name for info in roster.offerings().engines]


def test_an_allow_list_leaves_the_others_out(site: PluginSite) -> None:
    site.add("one-plugin", good_source("one"))
    site.add("two-plugin", "raise AssertionError('imported')\n")
    roster = site.discover(allowed=frozenset({"one-plugin"}))
    assert [info.name for info in roster.offerings().engines] == ["one", "synthetic"]
    left_out = roster.find("two-plugin")
    assert left_out is not None
    assert left_out.reason == "not named in STUDIO_WORKER_PLUGINS"
    assert left_out.remedy == "add 'two-plugin' to it to load it"
    roster = site.discover(allowed=frozenset())
    assert [info.name for info in roster.offerings().engines] == ["synthetic"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, None), ("", set()), (" , ", set()), ("a, b-c", {"a", "b-c"})],
)
def test_the_allow_list_is_read_from_the_environment(
    text: str | None, expected: set[str] | None
) -> None:
    environ = {} if text is None else {"STUDIO_WORKER_PLUGINS": text}
    assert allowed_plugins(environ) == expected


def test_capabilities_are_merged_and_can_be_refreshed(site: PluginSite) -> None:
    found = site.root / "found.txt"
    found.write_text("one")
    site.add(
        "good-plugin",
        good_source()
        + "from pathlib import Path\n@hookimpl\ndef studio_worker_capabilities(host):\n"
        f"    names = Path({str(found)!r}).read_text().split()\n"
        "    return CapabilityReport(models={TaskKind.IMAGE: names}, traits={'good.n': 1})\n",
    )
    roster = site.discover()
    assert roster.offerings().models_per_kind[TaskKind.IMAGE][:3] == ["a", "b", "one"]
    assert roster.offerings().traits == {"good.n": 1}
    found.write_text("two three")
    assert roster.refresh()
    assert "three" in roster.offerings().models_per_kind[TaskKind.IMAGE]
    found.unlink()
    roster.refresh()
    entry = roster.find("good")
    assert entry is not None
    assert entry.ready
    assert "could not be refreshed" in entry.warnings[-1]


def test_observers_are_told_about_jobs(site: PluginSite) -> None:
    heard = site.root / "heard"
    site.add(
        "watcher",
        HEAD + "from pathlib import Path\n@hookimpl\ndef studio_worker_job_event(event):\n"
        f"    Path({str(heard)!r}).write_text(f'{{event.what}} {{event.job_id}}')\n",
    )
    roster = site.discover()
    roster.notify(JobEvent("finished", "job-1", "e", "m", TaskKind.IMAGE))
    eventually("it was told", lambda: heard.exists() and heard.read_text() == "finished job-1")
    roster.close()
    entry = roster.find("watcher")
    assert entry is not None
    assert entry.state == "ready"
    assert not entry.ready, "it brings no engine"
    assert "watcher" not in sys.modules


def test_commands_are_collected_and_a_name_wanted_twice_is_left_out(site: PluginSite) -> None:
    commands = (
        HEAD + "@hookimpl\ndef studio_worker_commands():\n"
        "    return [CommandSpec('shared', 'h', 'm:app'), CommandSpec('{}', 'h', 'm:app')]\n"
    )
    site.add("one", commands.format("first"))
    site.add("two", commands.format("second"))
    roster = site.discover()
    assert [command.name for command in roster.commands] == ["first", "second"]
    entry = roster.find("one")
    assert entry is not None
    assert "'shared' is left out" in entry.warnings[0]


def test_installed_plugins_are_found_by_a_fresh_interpreter(site: PluginSite) -> None:
    site.add("good-plugin", good_source())
    site.add("broken-plugin", "print('noise')\nraise SystemExit(1)\n")
    script = (
        "import json\nfrom pathlib import Path\n"
        "from studio_worker_core.roster.discovery import discover\n"
        "from studio_worker_core.plugin import HostInfo\n"
        "r = discover(HostInfo(1, '0', Path('.')))\n"
        "print(json.dumps({e.engine: e.state for e in r.entries}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(site.root)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    states = json.loads(done.stdout)
    assert states["good"] == "ready"
    assert states["broken-plugin"] == "broken"
    assert states["synthetic"] == "ready"


def test_discovery_leaves_no_thread_behind(site: PluginSite) -> None:
    site.add("good-plugin", good_source())
    before = set(threading.enumerate())
    site.discover()
    assert set(threading.enumerate()) <= before
