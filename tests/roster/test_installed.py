"""Plugins are found by reading files, however damaged some of them are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio_worker_core.roster.installed import find_candidates
from tests.support.plugin_builder import PluginSite, build_plugin, good_source

DAMAGE: dict[str, tuple[str, bytes]] = {
    "entry points without a section": ("entry_points.txt", b"a = b\n"),
    "entry points that are no text": ("entry_points.txt", b"\xff\xfe\x00[studio_worker]\n"),
    "an entry point without a value": ("entry_points.txt", b"[console_scripts]\nnonsense\n"),
    "a control character": ("entry_points.txt", b"[x]\n\x1b[2J\n"),
    "metadata that is no text": ("METADATA", b"\xff\xfe\x00"),
    "empty metadata": ("METADATA", b""),
    "metadata without a version": ("METADATA", b"Name: victim\n"),
}


def command(
    site: Path, tmp_path: Path, *arguments: str, **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "studio_worker_core.cli.main", *arguments],
        env={
            **os.environ,
            "PYTHONPATH": str(site),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            **more,
        },
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_distribution_is_one_line_and_hides_no_other(site: PluginSite, case: str) -> None:
    name, data = DAMAGE[case]
    info = site.root / "victim-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_bytes(b"Metadata-Version: 2.1\nName: victim\nVersion: 1.0\n")
    (info / name).write_bytes(data)
    site.add("good-plugin", good_source())
    roster = site.discover()
    (note,) = roster.notes
    assert "victim is damaged" in note
    assert note.isprintable()
    good = roster.find("good")
    assert good is not None
    assert good.ready


def test_a_damaged_distribution_is_a_line_of_engines_list(site: PluginSite, tmp_path: Path) -> None:
    file = site.add("good-plugin", good_source())
    (site.root / "good_plugin-1.0.dist-info" / "METADATA").unlink()
    stranger = site.root / "stranger-1.0.dist-info"
    stranger.mkdir()
    (stranger / "entry_points.txt").mkdir()
    for arguments in (["engines", "list"], ["--help"], ["status"]):
        done = command(site.root, tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    done = command(site.root, tmp_path, "engines", "list")
    assert "stranger" in done.stderr
    assert "good" in done.stdout
    assert file.exists()


def test_a_name_outside_ascii_does_no_harm_in_the_c_locale(
    site: PluginSite, tmp_path: Path
) -> None:
    build_plugin(
        site.root, "schön-plugin", good_source("schoen"), entry_point="schön", module="schoen"
    )
    site.add("größe", "raise ValueError('ungültig ☃')\n")
    for more in ({"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
        done = command(site.root, tmp_path, "engines", "list", **more)
        assert done.returncode == 0, done.stderr
        assert "schoen" in done.stdout
        assert "Traceback" not in done.stderr


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(entry_points=st.binary(max_size=200), metadata=st.binary(max_size=200))
def test_no_content_of_a_distribution_is_an_error(
    tmp_path: Path, entry_points: bytes, metadata: bytes
) -> None:
    info = tmp_path / "any-1.dist-info"
    info.mkdir(exist_ok=True)
    (info / "entry_points.txt").write_bytes(b"[studio_worker]\n" + entry_points)
    (info / "METADATA").write_bytes(metadata)
    found, notes = find_candidates([str(tmp_path)])
    assert all(candidate.name and candidate.value for candidate in found)
    assert all(note.isprintable() for note in notes)
