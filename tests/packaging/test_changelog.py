"""The changelogs name the versions that are built."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

SCRIPT = Path("tools") / "check_changelog.py"


def check(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the check of the repository at ``root``."""
    return subprocess.run(
        [sys.executable, str(root / SCRIPT)], capture_output=True, text=True, check=False
    )


def test_every_changelog_agrees_with_its_version(root: Path) -> None:
    shown = check(root)
    assert (shown.returncode, shown.stderr) == (0, "")


def test_a_version_that_the_changelog_does_not_know_is_told(root: Path, tmp_path: Path) -> None:
    for name in (SCRIPT, Path("pyproject.toml"), Path("CHANGELOG.md")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, tmp_path / name)
    package = tmp_path / "studio_worker_core"
    package.mkdir()
    (package / "__init__.py").write_text('__version__ = "99.0.0"\n', "utf-8")
    shown = check(tmp_path)
    assert shown.returncode == 1
    assert "version 99.0.0" in shown.stderr
