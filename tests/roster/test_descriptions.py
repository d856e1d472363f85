"""A plugin is asked once, and again when something changes that its answer was made from."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from studio_worker_core.plugin import HostInfo, TaskKind
from studio_worker_core.roster.descriptions import Descriptions
from studio_worker_core.roster.roster import Roster
from studio_worker_core.roster.watching import watch
from tests.support.plugin_builder import PluginSite, good_source
from tests.support.waiting import eventually

REPORTS = """
@hookimpl
def studio_worker_capabilities(host):
    found = sorted(path.stem for path in host.models_root.glob("*.gguf"))
    return CapabilityReport(models={TaskKind.IMAGE: found})
"""


class Kept:
    """A site whose plugin counts how often it is asked, and a cache."""

    def __init__(self, site: PluginSite, tmp_path: Path) -> None:
        self.site = site
        self.cache = tmp_path / "cache" / "plugins.json"
        self.log = tmp_path / "asked"
        self.models = tmp_path / "models"
        self.models.mkdir()
        self.time = 1_000_000.0

    def source(self, engine: str = "good", more: str = "") -> str:
        return f"open({str(self.log)!r}, 'a').write('x')\n" + good_source(engine) + more

    def ask(self, models: Path | None = None) -> int:
        """Describe everything; how often the plugin was asked so far."""
        host = HostInfo(1, "0.1.0", models or self.models)
        descriptions = Descriptions(
            host, cache=self.cache, search_path=[str(self.site.root)], now=lambda: self.time
        )
        self.found = descriptions.describe(descriptions.candidates())
        return len(self.log.read_text()) if self.log.exists() else 0


@pytest.fixture
def kept(site: PluginSite, tmp_path: Path) -> Kept:
    return Kept(site, tmp_path)


def test_it_is_asked_once(kept: Kept) -> None:
    kept.site.add("good-plugin", kept.source())
    assert [kept.ask() for _ in range(3)] == [1, 1, 1]
    (description,) = kept.found.values()
    assert [engine.name for engine in description.engines] == ["good"]


def test_a_changed_file_an_installation_another_directory_and_a_day_ask_again(kept: Kept) -> None:
    file = kept.site.add("good-plugin", kept.source())
    assert kept.ask() == 1
    file.write_text(kept.source("other"), "utf-8")
    assert kept.ask() == 2
    (kept.site.root / "newcomer-1.0.dist-info").mkdir()
    assert kept.ask() == 3
    assert kept.ask(kept.models / "elsewhere") == 4
    kept.time += 25 * 3600
    assert kept.ask() == 5
    kept.time -= 1_000_000  # a clock that was set back
    assert kept.ask() == 6
    assert kept.ask() == 6


def test_a_file_of_the_distribution_that_record_names_is_looked_at(kept: Kept) -> None:
    kept.site.add("good-plugin", kept.source())
    data = kept.site.root / "good_plugin_data.json"
    data.write_text("1", "utf-8")
    record = kept.site.root / "good_plugin-1.0.dist-info" / "RECORD"
    record.write_text("good_plugin.py,,\ngood_plugin_data.json,,\n", "utf-8")
    assert kept.ask() == 1
    data.write_text("22", "utf-8")
    assert kept.ask() == 2


def test_an_editable_installation_is_followed_to_its_sources(kept: Kept, tmp_path: Path) -> None:
    kept.site.add("good-plugin", kept.source()).unlink()
    package = tmp_path / "checkout" / "src" / "good_plugin"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(kept.source(), "utf-8")
    (package / "more.py").write_text("", "utf-8")
    info = kept.site.root / "good_plugin-1.0.dist-info"
    (kept.site.root / "good.pth").write_text(f"{package.parent}\n", "utf-8")
    (info / "RECORD").write_text("good.pth,,\n", "utf-8")
    kept.ask()
    before = next(iter(kept.found.values()))
    kept.ask()
    assert next(iter(kept.found.values())) is not before
    first = kept.cache.stat().st_mtime_ns
    kept.ask()
    assert kept.cache.stat().st_mtime_ns == first
    (package / "more.py").write_text("x = 1", "utf-8")
    kept.ask()
    assert kept.cache.stat().st_mtime_ns != first


def test_new_models_are_asked_about_only_where_a_plugin_reports_them(kept: Kept) -> None:
    file = kept.site.add("good-plugin", kept.source())
    assert kept.ask() == 1
    (kept.models / "one.gguf").write_text("", "utf-8")
    assert kept.ask() == 1
    file.write_text(kept.source(more=REPORTS), "utf-8")
    assert kept.ask() == 2
    (kept.models / "two.gguf").write_text("", "utf-8")
    assert kept.ask() == 3
    (description,) = kept.found.values()
    assert description.report.models == {TaskKind.IMAGE: ["one", "two"]}
    assert kept.ask() == 3


def test_a_fault_is_kept_for_a_while_only(kept: Kept) -> None:
    kept.site.add("bad", f"open({str(kept.log)!r}, 'a').write('x')\nimport no_such_library\n")
    assert [kept.ask(), kept.ask()] == [1, 1]
    kept.time += 700
    assert kept.ask() == 2


@pytest.mark.parametrize("damage", [b"", b"\xff\x00", b"{}", b"[" * 100_000, b'{"format":1}'])
def test_a_damaged_cache_is_made_anew(kept: Kept, damage: bytes) -> None:
    kept.site.add("good-plugin", kept.source())
    kept.ask()
    kept.cache.write_bytes(damage)
    assert [kept.ask(), kept.ask()] == [2, 2]


def test_a_cache_that_cannot_be_written_is_no_error(kept: Kept) -> None:
    kept.cache.parent.write_text("a file", "utf-8")
    kept.site.add("good-plugin", kept.source())
    assert [kept.ask(), kept.ask()] == [1, 2]


def test_a_running_host_hears_of_new_models_and_of_an_answer_that_was_asked_for_elsewhere(
    site: PluginSite, tmp_path: Path
) -> None:
    cache = tmp_path / "plugins.json"
    site.add("good-plugin", good_source() + REPORTS)
    roster: Roster = site.discover(cache=cache)
    stop = threading.Event()
    thread = threading.Thread(
        target=watch, args=(roster, site.root, cache, stop), kwargs={"look_seconds": 0.05}
    )
    thread.start()
    try:
        (site.root / "found.gguf").write_text("", "utf-8")
        eventually("it is offered", lambda: "found" in str(roster.offerings().models_per_kind))
        fresh = good_source().replace('version="3"', 'version="4"')
        (site.root / "good_plugin.py").write_text(fresh, "utf-8")
        site.discover(cache=cache)
        eventually(
            "its new version is known",
            lambda: any(e.version == "4" for e in roster.offerings().engines),
        )
    finally:
        stop.set()
        thread.join()
    assert not os.access(tmp_path / "nothing", os.F_OK)
