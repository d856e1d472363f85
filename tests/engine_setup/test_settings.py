"""What the config sets for an engine: judged in the host, and given to its processes alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from studio_worker_core.config import Config
from studio_worker_core.engine_setup import EngineSettings, EngineSetup
from studio_worker_core.errors import EngineFailed, EngineMissing
from studio_worker_core.lanes.pool import Lanes
from studio_worker_core.lanes.protocol import Load
from studio_worker_core.plugin import ChatMessage, LlmTask, Model, Place
from studio_worker_core.roster.options import OptionSpec
from studio_worker_core.roster.roster import Roster, RosterEntry
from tests.support.fault_answers import said_text
from tests.support.lane_bench import LaneBench, answer_of
from tests.support.plugin_builder import PluginSite
from tests.support.settings_plugin import SETTINGS, build_dial

TOKEN = "tok-9f21-of-the-far-service"


class Desk:
    """An operator's config, and an engine that is set by it."""

    def __init__(self, bench: LaneBench, site: PluginSite) -> None:
        build_dial(site.root)
        self.tables: dict[str, dict[str, Any]] = {}
        self.settings = EngineSettings(lambda: Config(engines=self.tables), site.root)
        self.found = site.entry("dial")
        self.roster = Roster([self.found], judge=self.settings)
        self.bench = bench
        bench.lanes.close()
        bench.lanes = Lanes(lambda: bench.limits, setup=self.settings.setup_of)

    def put(self, engine: str = "dial", /, **table: Any) -> None:
        self.tables = {**self.tables, engine: table}

    @property
    def entry(self) -> RosterEntry:
        (entry,) = self.roster.entries
        return entry

    def ask(self, text: str = "?") -> dict[str, Any]:
        task = LlmTask(messages=[ChatMessage("user", text)])
        result = self.bench.run(task, model="dial", entry=self.entry)
        told: dict[str, Any] = json.loads(said_text(answer_of(result)))
        return told


@pytest.fixture
def desk(bench: LaneBench, site: PluginSite) -> Desk:
    return Desk(bench, site)


def test_the_struct_becomes_data(desk: Desk) -> None:
    assert desk.entry.ready, desk.entry.reason
    assert desk.entry.settings == (
        OptionSpec("rate", "number", 1.0, least=0.5, most=2, words="how fast"),
        OptionSpec("most", "whole number", least=1),
        OptionSpec("mood", "choice", "calm", choices=("calm", "wild")),
        OptionSpec("loud", "true or false", default=False),
        OptionSpec("token", "secret", words="of the far service"),
    )


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (SETTINGS.replace("rate:", "threads:"), "whose 'threads' every engine has"),
        (SETTINGS.replace("= 1.0", "= 9.0"), "default of 'rate' does not fit"),
        (SETTINGS.replace("] = None", "] = Secret('hidden-in-code')"), "a secret with a default"),
        ("Settings = 3", "the settings 'dial_settings:Settings', which is not a msgspec.Struct"),
    ],
)
def test_settings_that_cannot_be_described_withdraw_the_plugin(
    site: PluginSite, settings: str, reason: str
) -> None:
    build_dial(site.root, settings)
    entry = site.entry("dial")
    assert entry.state == "broken"
    assert reason in str(entry.reason)
    assert "hidden-in-code" not in str(entry.reason)


def test_the_engine_has_what_is_set_before_it_loads(desk: Desk) -> None:
    plain = desk.ask()
    assert (plain["rate"], plain["token"]) == (1.0, None)
    assert (plain["device"], plain["threads"], plain["memory_mb"]) == ("auto", None, None)
    desk.put(rate=1.5, mood="wild")
    assert desk.ask()["rate"] == 1.5


def test_a_changed_setting_ends_the_warm_lane_and_the_same_one_keeps_it(desk: Desk) -> None:
    desk.put(rate=1.5)
    first = desk.ask()
    desk.put(rate=1.5)
    assert desk.ask()["pid"] == first["pid"]
    desk.put(rate=2)
    second = desk.ask()
    assert (second["rate"], second["pid"] != first["pid"]) == (2, True)
    assert [lane.pid for lane in desk.bench.lanes.status()] == [second["pid"]]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"rate": 3}, "engines.dial.rate: expected a number, 0.5 to 2, got '3'"),
        ({"rtae": 1}, "engines.dial has no 'rtae'; did you mean 'rate'?"),
        ({"x": 1}, "it has rate, most, mood, loud, token, device, threads, memory_mb"),
        ({"most": 1.5}, "engines.dial.most: expected a whole number, at least 1, got '1.5'"),
        ({"mood": ["calm"]}, "engines.dial.mood: expected one of calm, wild"),
        ({"device": "gpu"}, "engines.dial.device: expected auto, cpu, mps, cuda or cuda:NUMBER"),
        ({"threads": 0}, "engines.dial.threads: expected a whole number, 1 to 1024, got '0'"),
        ({"memory_mb": 1}, "engines.dial.memory_mb: expected a whole number, 64 to"),
        ({"token": {"env": "DIAL_UNSET"}}, "token: the environment variable DIAL_UNSET is not set"),
    ],
)
def test_what_does_not_hold_withdraws_the_engine_until_it_does(
    desk: Desk, table: dict[str, Any], said: str
) -> None:
    desk.put(**table)
    assert desk.entry.state == "broken"
    assert said in str(desk.entry.reason)
    assert "engines show dial" in str(desk.entry.remedy)
    assert desk.roster.offerings().engines == []
    with pytest.raises(EngineMissing, match="engine 'dial' is broken"):
        desk.ask()
    with pytest.raises(EngineFailed, match="engine 'dial' "):
        desk.settings.setup_of(desk.found)
    desk.put()
    assert desk.ask()["rate"] == 1.0


@pytest.mark.parametrize("given", [TOKEN, {"env": TOKEN, "file": TOKEN}, {"x": TOKEN}, 5])
def test_a_secret_in_the_config_itself_is_refused_and_not_shown(desk: Desk, given: Any) -> None:
    desk.put(token=given)
    reason = str(desk.entry.reason)
    assert 'engines.dial.token: expected { env = "NAME" } or { file = "PATH" }' in reason
    assert TOKEN not in reason


def test_a_secret_of_a_variable_reaches_this_engine_and_nobody_reads_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIAL_TOKEN", TOKEN)
    desk.put(token={"env": "DIAL_TOKEN"})
    told = desk.ask()
    assert told["token"] == TOKEN[::-1]
    assert "token=***" in told["settings"]
    assert told["environ"]["DIAL_TOKEN"] is None
    setup = desk.settings.setup_of(desk.found)
    assert TOKEN not in repr(setup)
    assert TOKEN not in repr(Load("a:b", Model("x"), [], settings=dict(setup.settings)))
    assert TOKEN.encode() not in setup.mark


def test_what_an_engine_says_of_its_secret_is_taken_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIAL_TOKEN", TOKEN)
    desk.put(token={"env": "DIAL_TOKEN"})
    with pytest.raises(EngineFailed) as failure:
        desk.ask("tell")
    assert "engine raises ***" in str(failure.value)
    assert "warning: engine logs ***" in desk.bench.logs


def test_a_secret_of_a_file_is_read_anew_for_each_lane(desk: Desk, site: PluginSite) -> None:
    file = site.root / "dial.token"
    file.write_text(f"{TOKEN}\n", "utf-8")
    file.chmod(0o600)
    desk.put(token={"file": "dial.token"})
    assert desk.ask()["token"] == TOKEN[::-1]
    file.write_text("another-token-now", "utf-8")
    assert desk.ask()["token"] == "another-token-now"[::-1]
    assert desk.entry.warnings == ()


def test_a_file_of_a_secret_that_others_can_read_is_told(desk: Desk, site: PluginSite) -> None:
    file = site.root / "dial.token"
    file.write_text(TOKEN, "utf-8")
    file.chmod(0o644)
    desk.put(token={"file": "dial.token"})
    desk.settings.look(desk.roster.entries)
    assert desk.entry.ready
    (warning,) = desk.entry.warnings
    assert f"engines.dial.token: others can read {file}; chmod 600 {file}" in warning


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "has less than 8 characters"),
        (b"\xff" * 20, "is no UTF-8 text"),
        (b"x" * 70_000, "is larger than 65536 bytes"),
    ],
)
def test_a_file_without_a_secret_withdraws_the_engine_when_it_is_looked_at(
    desk: Desk, site: PluginSite, content: bytes | None, said: str
) -> None:
    if content is not None:
        (site.root / "bad.token").write_bytes(content)
    desk.put(token={"file": "bad.token"})
    with pytest.raises(EngineFailed, match=r"lacks engines\.dial\.token: .*bad\.token"):
        desk.ask()
    desk.settings.look(desk.roster.entries)
    assert said in str(desk.entry.reason)


def test_a_table_of_no_engine_is_noted(desk: Desk) -> None:
    desk.put("dail", rate=1)
    desk.put("*", threads=2)
    assert desk.roster.notes == (
        "engines.dail: no engine of that name is installed; did you mean 'dial'?",
    )


def test_where_it_works_comes_by_the_model_and_the_environment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)
    desk.put("*", threads=3, device="cpu")
    told = desk.ask()
    assert (told["device"], told["threads"]) == ("cpu", 3)
    assert told["environ"]["OMP_NUM_THREADS"] == "3"
    assert told["environ"]["CUDA_VISIBLE_DEVICES"] == ""
    desk.put(device="cuda:1", memory_mb=4096)
    told = desk.ask()
    assert (told["device"], told["threads"], told["memory_mb"]) == ("cuda", 3, 4096)
    assert told["environ"]["CUDA_VISIBLE_DEVICES"] == "1"
    assert told["environ"]["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


def test_a_card_is_one_of_those_that_the_worker_may_use(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, GPU-5")
    desk.put(device="cuda:1")
    assert desk.ask()["environ"]["CUDA_VISIBLE_DEVICES"] == "GPU-5"
    desk.put(device="cuda:2")
    with pytest.raises(EngineFailed, match="cuda:2 is not among the cards of CUDA_VISIBLE_DEVICES"):
        desk.ask()


def test_its_memory_is_held_in_place_of_every_engines(bench: LaneBench) -> None:
    bench.lanes.close()
    little = EngineSetup(place=Place(memory_mb=256))
    bench.lanes = Lanes(lambda: bench.limits, setup=lambda _: little)
    bench.run("ok")
    with pytest.raises(EngineFailed, match=r"more than the 0\.25 GB allowed"):
        bench.run("memory:600")


def test_a_setting_that_only_the_struct_can_judge_is_told_by_the_process(
    bench: LaneBench, site: PluginSite
) -> None:
    desk = Desk(bench, site)
    pattern = SETTINGS.replace(
        "    loud: bool", "    name: Annotated[str, Meta(pattern='^a')] = 'a'\n    loud: bool"
    )
    (site.root / "dial_settings.py").write_text(pattern, "utf-8")
    desk.found = site.entry("dial")
    desk.roster = Roster([desk.found], judge=desk.settings)
    desk.put(name="b")
    with pytest.raises(EngineFailed, match="what the config sets for it does not fit: Expected"):
        desk.ask()


def test_no_engine_of_another_plugin_sees_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DIAL_TOKEN", TOKEN)
    desk.put(token={"env": "DIAL_TOKEN"})
    other = desk.settings.setup_of(desk.bench.entry)
    assert (other.settings, other.variables) == ({}, ())
    assert tmp_path.exists()
