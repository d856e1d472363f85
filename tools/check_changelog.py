"""Check that the changelog's newest version is the one the package has.

The core and each plugin are released together, so every project's own changelog (a plugin
keeps a section in its README or a CHANGELOG.md) has to name the version it builds.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_HEADING = re.compile(r"^#{2,3} \[?(?P<version>\d+\.\d+\.\d+[^\s\]]*)", re.MULTILINE)
_VERSION = re.compile(r'^__version__ = "(?P<version>[^"]+)"', re.MULTILINE)


def declared_version(project: Path) -> str:
    """The version a project's pyproject.toml builds, looked up where hatchling does."""
    table = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    if "version" in table["project"]:
        return str(table["project"]["version"])
    source = project / table["tool"]["hatch"]["version"]["path"]
    found = _VERSION.search(source.read_text("utf-8"))
    if found is None:
        raise SystemExit(f"{source}: no __version__")
    return found["version"]


def newest_in_changelog(project: Path) -> str | None:
    """The first version heading of the project's changelog, None without any."""
    for name in ("CHANGELOG.md", "README.md"):
        file = project / name
        found = _HEADING.search(file.read_text("utf-8")) if file.exists() else None
        if found is not None:
            return found["version"]
    return None


def disagreements(root: Path) -> list[str]:
    """One line for each project whose changelog and version differ."""
    lines = []
    for project in (root, *sorted(file.parent for file in root.glob("plugins/*/pyproject.toml"))):
        declared, written = declared_version(project), newest_in_changelog(project)
        if declared != written:
            name = project.relative_to(root)
            lines.append(f"{name}: version {declared}, but the changelog's newest is {written}")
    return lines


if __name__ == "__main__":
    found = disagreements(ROOT)
    sys.stderr.writelines(f"{line}\n" for line in found)
    sys.exit(1 if found else 0)
