"""What is recorded of installed plugins, while others change the settings."""

from __future__ import annotations

from pathlib import Path

from studio_worker_core.config import ConfigStore, PluginSettings
from studio_worker_core.installing import Installer

GHOST = "studio-worker-plugin-that-nobody-has"


def test_what_others_recorded_while_pip_ran_stays(tmp_path: Path) -> None:
    store = ConfigStore(tmp_path / "config.toml")
    store.update(plugins=PluginSettings(installed=(GHOST, "first")))
    said: list[str] = []

    def meanwhile(line: str) -> None:
        if not said:
            other = ConfigStore(store.path)
            there = PluginSettings(installed=(GHOST, "first", "second"), disabled=("third",))
            other.update(plugins=there)
        said.append(line)

    Installer(store, say=meanwhile).uninstall(GHOST)
    assert said, "pip says that it skips it"
    plugins = ConfigStore(store.path).config.plugins
    assert (plugins.installed, plugins.disabled) == (("first", "second"), ("third",))
