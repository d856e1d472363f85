"""Where the config file is looked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from studio_worker_core.config import default_config_path
from studio_worker_core.errors import ConfigError


def test_the_environment_names_the_file_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    named = {"STUDIO_WORKER_CONFIG": "~/w.toml", "XDG_CONFIG_HOME": "/xdg"}
    assert default_config_path(named, "linux") == Path("/home/ada/w.toml")


def test_linux_uses_the_place_of_the_original_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    expected = Path("/home/ada/.config/minis-studio-worker/config.toml")
    assert default_config_path({}, "linux") == expected
    assert default_config_path({"XDG_CONFIG_HOME": "relative"}, "linux") == expected
    assert default_config_path({"XDG_CONFIG_HOME": "/xdg"}, "linux") == Path(
        "/xdg/minis-studio-worker/config.toml"
    )


def test_macos_and_windows_use_their_own_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_config_path({}, "darwin") == Path(
        "/home/ada/Library/Application Support/gg.minis.minis-studio-worker/config.toml"
    )
    assert default_config_path({"APPDATA": "/roaming"}, "win32") == Path(
        "/roaming/minis/minis-studio-worker/config/config.toml"
    )
    assert default_config_path({}, "win32") == Path(
        "/home/ada/AppData/Roaming/minis/minis-studio-worker/config/config.toml"
    )


def test_the_process_environment_is_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STUDIO_WORKER_CONFIG", str(tmp_path / "c.toml"))
    assert default_config_path() == tmp_path / "c.toml"


def test_a_user_without_a_home_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    # What it answers for a user whom the system does not know.
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(ConfigError, match="--config or STUDIO_WORKER_CONFIG"):
        default_config_path({}, "linux")
