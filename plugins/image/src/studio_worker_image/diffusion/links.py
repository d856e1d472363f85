"""Giving a file another name without copying it where that can be avoided."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def link_or_copy(source: Path, target: Path) -> None:
    """Make ``target`` the same bytes as ``source``: a symbolic link, else a hard link (no
    privilege needed on Windows), else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    source = source.resolve()
    for link in (os.symlink, os.link):
        try:
            link(source, target)
        except (OSError, NotImplementedError):
            continue
        return
    shutil.copyfile(source, target)
