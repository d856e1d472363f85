"""A file system of its own with little room, where this user may mount one."""

from __future__ import annotations

import subprocess
from pathlib import Path


class SmallDisk:
    """A file system of its own with a few megabytes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def mount(self, kibibytes: int) -> bool:
        """Make it; False where this user may not."""
        self.path.mkdir()
        return _run("mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(self.path))

    def resize(self, kibibytes: int) -> None:
        """Give it another size."""
        assert _run("mount", "-o", f"remount,size={kibibytes}k", str(self.path))

    def fill(self) -> Path:
        """Take all the space there is; remove the returned file to give it back."""
        ballast = self.path / "ballast"
        with ballast.open("wb", buffering=0) as file:
            for size in (65536, 4096, 512, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue
        return ballast

    def unmount(self) -> None:
        """Take it away."""
        _run("umount", "--lazy", str(self.path))


def _run(*argv: str) -> bool:
    try:
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
