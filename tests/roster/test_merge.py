"""Merging is the same for every order, whatever is installed."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from studio_worker_core.plugin import CommandSpec, EngineSpec, TaskKind
from studio_worker_core.roster.merge import merge_commands, merge_plugins
from studio_worker_core.roster.plugin_records import PluginDescription, PluginFault
from studio_worker_core.roster.roster import Roster
from studio_worker_core.wire.media_types import WELL_KNOWN

engines = st.builds(
    EngineSpec,
    name=st.sampled_from(["a", "b", "c", "synthetic"]),
    models=st.dictionaries(
        st.sampled_from(list(TaskKind)),
        st.lists(st.sampled_from(["m1", "m2", "m3"]), min_size=1, max_size=3),
        min_size=1,
        max_size=3,
    ),
    factory=st.just("m:E"),
)

plugins = st.builds(
    PluginDescription,
    name=st.sampled_from(["one", "two", "three", "four"]),
    distribution=st.text("abcdefgh", min_size=8, max_size=8),
    version=st.sampled_from(["1.0", "2.0"]),
    engines=st.lists(engines, max_size=3, unique_by=lambda spec: spec.name).map(tuple),
    extensions=st.dictionaries(
        st.sampled_from(["png", "foo", "bar"]),
        st.sampled_from(["image/png", "image/foo", "image/bar"]),
        max_size=2,
    ),
    commands=st.lists(
        st.builds(CommandSpec, st.sampled_from(["x", "y"]), st.just("h"), st.just("m:app")),
        max_size=1,
    ).map(tuple),
    fault=st.none() | st.none() | st.just(PluginFault("broken", "mend it")),
    disabled=st.none() | st.none() | st.none() | st.just("off"),
)

BUILTIN = PluginDescription(
    name="synthetic",
    distribution="studio-worker",
    version="1",
    builtin=True,
    engines=(EngineSpec("synthetic", {TaskKind.IMAGE: ["synthetic"]}, "m:E"),),
    extensions={"png": "image/png"},
)

installed = st.lists(plugins, max_size=5, unique_by=lambda p: (p.distribution, p.name)).flatmap(
    lambda found: st.tuples(st.just([*found, BUILTIN]), st.permutations([*found, BUILTIN]))
)
disabled_engines = st.sets(st.sampled_from(["a", "b", "synthetic"]), max_size=1)


@settings(deadline=None, max_examples=60)
@given(installed, disabled_engines)
def test_every_order_of_plugins_gives_the_same_roster_and_offerings(
    orders: tuple[list[PluginDescription], list[PluginDescription]], disabled: set[str]
) -> None:
    one, other = (Roster(merge_plugins(order, disabled)) for order in orders)
    assert one.entries == other.entries
    assert one.offerings() == other.offerings()
    assert list(one.offerings().extensions) == list(other.offerings().extensions)
    assert merge_commands(orders[0]) == merge_commands(orders[1])


@settings(deadline=None, max_examples=60)
@given(installed)
def test_what_is_offered_is_unambiguous(
    orders: tuple[list[PluginDescription], list[PluginDescription]],
) -> None:
    roster = Roster(merge_plugins(orders[0]))
    ready = [entry for entry in roster.entries if entry.ready]
    assert len({entry.engine for entry in ready}) == len(ready)
    table: dict[str, str] = {}
    for entry in ready:
        for ext, mime in entry.extensions.items():
            assert table.setdefault(ext, mime) == mime
            assert WELL_KNOWN.get(ext, mime) == mime
    assert roster.offerings().extensions == table
    synthetic = roster.find("synthetic")
    assert synthetic is not None
    assert synthetic.builtin


@settings(deadline=None, max_examples=60)
@given(installed)
def test_every_plugin_is_on_the_roster_and_every_withdrawn_one_has_a_reason(
    orders: tuple[list[PluginDescription], list[PluginDescription]],
) -> None:
    entries = merge_plugins(orders[0])
    assert {e.distribution for e in entries} == {p.distribution for p in orders[0]}
    for entry in entries:
        assert (entry.reason is None) == (entry.state == "ready")
        assert (entry.remedy is None) == (entry.state == "ready")


def test_a_plugin_that_is_switched_off_brings_no_command_and_takes_no_name() -> None:
    def bringing(name: str, disabled: str | None = None) -> PluginDescription:
        commands = (CommandSpec("x", "h", f"{name}:app"),)
        return PluginDescription(name, name, "1", commands=commands, disabled=disabled)

    found = merge_commands([bringing("one"), bringing("two", "off")])
    assert [command.app for command in found] == ["one:app"]
