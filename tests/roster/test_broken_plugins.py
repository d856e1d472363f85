"""Every way a plugin can break is recorded and withdraws that plugin alone."""

from __future__ import annotations

import pytest

from tests.support.plugin_builder import HEAD, PluginSite, good_source

ENGINES = HEAD + "@hookimpl\ndef studio_worker_engines(host):\n    "

BROKEN: dict[str, tuple[str, str, str]] = {
    "missing library": (
        "import no_such_library\n",
        "ModuleNotFoundError: No module named 'no_such_library'",
        ":1",
    ),
    "raises at import": ("x = 1\nraise ValueError('not today')\n", "ValueError: not today", ":2"),
    "syntax error": ("x = (\n", "SyntaxError", ":1"),
    "exits at import": ("import sys\nsys.exit(3)\n", "SystemExit: 3", ":2"),
    "interrupts at import": ("raise KeyboardInterrupt\n", "KeyboardInterrupt", ":1"),
    "too old": (
        good_source() + "studio_worker_api = (0, 0)\n",
        "1.0 is older than this host: it accepts plugin API 0 to 0, the host speaks 1",
        "broken_plugin.py",
    ),
    "too new": (
        good_source() + "studio_worker_api = (2, 3)\n",
        "this host is older than broken-plugin 1.0: the plugin needs plugin API 2",
        "broken_plugin.py",
    ),
    "nonsense version": (
        good_source() + "studio_worker_api = 'one'\n",
        "not a pair",
        "broken_plugin.py",
    ),
    "no hooks": ("x = 1\n", "implements no hook", "broken_plugin.py"),
    "wrong arguments": (
        HEAD + "@hookimpl\ndef studio_worker_engines(server): return []\n",
        "cannot be registered",
        "broken_plugin.py",
    ),
    "hook raises": (
        ENGINES + "raise RuntimeError('no GPU')\n",
        "raised RuntimeError: no GPU",
        ":5",
    ),
    "hook exits": (ENGINES + "raise SystemExit(2)\n", "raised SystemExit: 2", ":5"),
    "hook returns nothing": (ENGINES + "pass\n", "returned nothing, not a list", ":3"),
    "hook returns text": (ENGINES + "return 'engine'\n", "returned a str, not a list", ":3"),
    "hook returns dicts": (
        ENGINES + "return [{'name': 'x'}]\n",
        "returned a dict where EngineSpec belongs",
        ":3",
    ),
    "bad name": (
        ENGINES + "return [EngineSpec('Bad Name', {'image': ['m']}, 'm:E')]\n",
        "names an engine 'Bad Name'",
        ":3",
    ),
    "bad kind": (
        ENGINES + "return [EngineSpec('x', {'smell': ['m']}, 'm:E')]\n",
        "bad EngineSpec: Invalid enum value 'smell'",
        ":3",
    ),
    "models are a text": (
        ENGINES + "return [EngineSpec('x', {'image': 'model'}, 'm:E')]\n",
        "bad EngineSpec: Expected `array`, got `str`",
        ":3",
    ),
    "empty model name": (
        ENGINES + "return [EngineSpec('x', {'image': [' ']}, 'm:E')]\n",
        "offers a model named ' '",
        ":3",
    ),
    "no models": (ENGINES + "return [EngineSpec('x', {}, 'm:E')]\n", "no models", ":3"),
    "another engine's models": (
        ENGINES + "return [EngineSpec('x', {'image': ['sd-cpp:*']}, 'm:E')]\n",
        "any-model names start with the engine's own",
        ":3",
    ),
    "bad factory": (
        ENGINES + "return [EngineSpec('x', {'image': ['m']}, 'just text')]\n",
        "the factory 'just text'",
        ":3",
    ),
    "same engine twice": (
        ENGINES + "return [EngineSpec('x', {'image': ['m']}, 'm:E')] * 2\n",
        "offers the engine 'x' 2 times",
        ":3",
    ),
    "no extension": (
        ENGINES + "return [EngineSpec('x', {'image': ['m']}, 'm:E')]\n",
        "declares no file extension",
        "broken_plugin.py",
    ),
    "bad extension": (
        good_source(extensions="{'.PNG': 'image/png'}"),
        "the extension '.PNG'",
        ":9",
    ),
    "bad MIME type": (
        good_source(extensions="{'foo': 'picture'}"),
        "which is not a MIME type",
        ":9",
    ),
    "extensions are a list": (
        good_source(extensions="['png']"),
        "returned a list, not a mapping",
        ":9",
    ),
    "foreign trait": (
        good_source() + "@hookimpl\ndef studio_worker_capabilities(host):\n"
        "    return CapabilityReport(traits={'other.x': 1})\n",
        "has the trait 'other.x'",
        ":12",
    ),
    "models of a kind nobody serves": (
        good_source() + "@hookimpl\ndef studio_worker_capabilities(host):\n"
        "    return CapabilityReport(models={TaskKind.VIDEO: ['v']})\n",
        "adds models for video, which no engine of the plugin serves",
        ":12",
    ),
    "capabilities raise": (
        good_source() + "@hookimpl\ndef studio_worker_capabilities(host):\n    1 / 0\n",
        "raised ZeroDivisionError",
        ":14",
    ),
    "bad command": (
        good_source() + "@hookimpl\ndef studio_worker_commands():\n"
        "    return [CommandSpec('two words', 'help', 'm:app')]\n",
        "names a command 'two words'",
        ":12",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_withdrawn_alone_with_reason_remedy_and_place(
    site: PluginSite, case: str
) -> None:
    source, reason, place = BROKEN[case]
    site.add("broken-plugin", source, entry_point="broken")
    site.add("good-plugin", good_source("neighbour"))
    roster = site.discover()
    broken = roster.find("broken")
    assert broken is not None
    assert broken.state == "broken"
    assert (broken.distribution, broken.version) == ("broken-plugin", "1.0")
    assert broken.reason is not None
    assert reason in broken.reason
    assert broken.remedy
    assert broken.where is not None
    assert "broken_plugin.py" in broken.where
    assert broken.where.endswith(place)
    neighbour = roster.find("neighbour")
    assert neighbour is not None
    assert neighbour.ready
    assert [info.name for info in roster.offerings().engines] == ["neighbour", "synthetic"]
