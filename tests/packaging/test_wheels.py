"""What pip gets: one wheel for each distribution, and a working command from them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

pytestmark = pytest.mark.packaging

DISTRIBUTIONS = {
    "studio_worker": "studio_worker_core",
    "studio_worker_example": "studio_worker_example",
    "studio_worker_image": "studio_worker_image",
    "studio_worker_llm": "studio_worker_llm",
    "studio_worker_tts": "studio_worker_tts",
    "studio_worker_video": "studio_worker_video",
    "studio_worker_studio": "studio_worker_studio",
}


def wheel(wheels: Path, distribution: str) -> zipfile.ZipFile:
    """The one wheel of a distribution."""
    (path,) = wheels.glob(f"{distribution}-[0-9]*.whl")
    return zipfile.ZipFile(path)


@pytest.mark.parametrize(("distribution", "package"), DISTRIBUTIONS.items())
def test_each_wheel_has_its_package_typed_licensed_and_nothing_else(
    wheels: Path, distribution: str, package: str
) -> None:
    with wheel(wheels, distribution) as archive:
        names = archive.namelist()
        tops = {name.split("/")[0] for name in names}
        info = next(top for top in tops if top.endswith(".dist-info"))
        metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
        entry_points = archive.read(f"{info}/entry_points.txt").decode()
    assert tops == {package, info}
    assert f"{package}/py.typed" in names
    assert any(name.startswith(f"{info}/licenses/") for name in names)
    assert metadata["License-Expression"]
    assert metadata["Requires-Python"] == ">=3.11"
    assert str(metadata.get_payload()).strip()
    assert "[studio_worker]" in entry_points


def test_the_core_ships_the_kit_and_neither_doubles_nor_the_demo(wheels: Path) -> None:
    with wheel(wheels, "studio_worker") as archive:
        shipped = [Path(name) for name in archive.namelist()]
    testing = {path.parts[2] for path in shipped if path.parts[1] == "testing"}
    assert testing == {
        *("__init__.py", "apart.py", "apart_child.py", "conformance", "jobs.py"),
        "pytest_plugin.py",
    }
    assert not any({"demo", "support", "soak"} & set(path.parts) for path in shipped)


def test_the_extras_name_the_plugins(wheels: Path) -> None:
    with wheel(wheels, "studio_worker") as archive:
        info = next(name for name in archive.namelist() if name.endswith("METADATA"))
        metadata = Parser().parsestr(archive.read(info).decode())
    extras = set(metadata.get_all("Provides-Extra") or [])
    assert {"image", "tts", "video", "llm", "studio", "testing", "all"} <= extras
    required = metadata.get_all("Requires-Dist") or []
    for name in ("image", "tts", "video", "llm", "studio"):
        assert any(
            line.startswith(f"studio-worker-{name}") and f"extra == '{name}'" in line
            for line in required
        )


@pytest.mark.timeout(600)
def test_an_empty_environment_gets_exactly_the_engines_it_asked_for(
    wheels: Path, root: Path, tmp_path: Path
) -> None:
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", home], check=True, timeout=120)
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run(
        [
            *(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--constraint", root / "constraints.txt", "--find-links", wheels),
            "studio-worker[tts,video]",
        ],
        check=True,
        timeout=500,
        cwd=tmp_path,
    )
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "STUDIO_WORKER_"))
    }
    shown = subprocess.run(
        [python.with_name("studio-worker"), "engines", "list", "--json"],
        env=environ | {"XDG_CONFIG_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    engines = {engine["engine"]: engine for engine in json.loads(shown.stdout)}
    assert set(engines) == {"synthetic", "espeak", "formant", "motion"}
    for engine in engines.values():
        assert (engine["state"], engine["reason"]) == ("ready", None)
    assert not any("image" in engine["distribution"] for engine in engines.values())
