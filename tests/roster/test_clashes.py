"""Two plugins that want the same thing."""

from __future__ import annotations

from tests.support.plugin_builder import PluginSite, good_source


def test_the_built_in_engine_keeps_its_name(site: PluginSite) -> None:
    site.add("usurper", good_source("synthetic"))
    roster = site.discover()
    builtin, usurper = roster.entries
    assert builtin.builtin
    assert builtin.ready
    assert usurper.state == "clash"
    assert usurper.reason is not None
    assert "studio-worker" in usurper.reason
    assert roster.find("synthetic") is builtin


def test_two_plugins_with_one_engine_name_are_both_withdrawn_and_name_each_other(
    site: PluginSite,
) -> None:
    site.add("one", good_source("same"))
    site.add("two", good_source("same"))
    first, second, _ = site.discover().entries
    assert (first.state, second.state) == ("clash", "clash")
    assert first.reason is not None
    assert second.reason is not None
    assert "two 1.0" in first.reason
    assert "one 1.0" in second.reason


def test_disabling_one_party_ends_the_clash(site: PluginSite) -> None:
    site.add("one", good_source("same"))
    site.add("two", good_source("same"))
    same = site.discover(disabled=("two",)).find("same")
    assert same is not None
    assert same.ready
    assert same.distribution == "one"


def test_an_extension_with_two_meanings_withdraws_both_plugins(site: PluginSite) -> None:
    site.add("one", good_source("first", "{'foo': 'image/foo', 'png': 'image/png'}"))
    site.add("two", good_source("second", "{'foo': 'image/x-foo'}"))
    site.add("three", good_source("third"))
    roster = site.discover()
    first, second, third = (roster.find(name) for name in ("first", "second", "third"))
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.state, second.state, third.state) == ("clash", "clash", "ready")
    assert first.reason is not None
    assert "two 1.0 (entry point two) declares it as image/x-foo" in first.reason


def test_a_well_known_extension_has_one_meaning(site: PluginSite) -> None:
    site.add("one", good_source("first", "{'wav': 'audio/x-wav'}"))
    entry = site.entry("first")
    assert entry.state == "clash"
    assert entry.reason is not None
    assert ".wav is audio/wav" in entry.reason
    assert site.discover().mime_for("WAV") == "audio/wav"
