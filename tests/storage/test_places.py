"""The directories of a user on each platform."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from studio_worker_core.storage.places import place_for


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")


@pytest.mark.parametrize(
    ("what", "variable", "place"),
    [
        ("cache", "XDG_CACHE_HOME", "/home/ada/.cache"),
        ("config", "XDG_CONFIG_HOME", "/home/ada/.config"),
        ("data", "XDG_DATA_HOME", "/home/ada/.local/share"),
    ],
)
def test_linux_follows_xdg_and_ignores_relative_values(
    what: Any, variable: str, place: str
) -> None:
    assert place_for(what, {}, "linux") == Path(place)
    assert place_for(what, {variable: "relative"}, "linux") == Path(place)
    assert place_for(what, {variable: ""}, "linux") == Path(place)
    assert place_for(what, {variable: "/xdg"}, "linux") == Path("/xdg")


def test_macos_has_one_place_whatever_xdg_says() -> None:
    environ = {"XDG_CONFIG_HOME": "/xdg", "XDG_CACHE_HOME": "/xdg", "XDG_DATA_HOME": "/xdg"}
    library = Path("/home/ada/Library")
    assert place_for("cache", environ, "darwin") == library / "Caches"
    assert place_for("config", environ, "darwin") == library / "Application Support"
    assert place_for("data", environ, "darwin") == library / "Application Support"


def test_windows_names_its_own() -> None:
    environ = {"APPDATA": "/roaming", "LOCALAPPDATA": "/local"}
    assert place_for("config", environ, "win32") == Path("/roaming")
    assert place_for("cache", environ, "win32") == Path("/local")
    assert place_for("data", environ, "win32") == Path("/local")
    assert place_for("config", {}, "win32") == Path("/home/ada/AppData/Roaming")
    assert place_for("data", {}, "win32") == Path("/home/ada/AppData/Local")
