"""A directory on a disk that stops answering, for a worker in a process of its own.

A real one needs a network mount and root to take it away. This is the same seen from the
process: whatever it asks of the directory does not come back until the disk does.
"""

from __future__ import annotations

from pathlib import Path

_SITE = """
import builtins, io, os, time

_marker, _directory = {marker!r}, {directory!r}

def _waiting(real):
    def call(path=".", *args, **kwargs):
        try:
            name = os.path.abspath(os.fsdecode(path))
        except TypeError:
            name = ""
        if name == _directory or name.startswith(_directory + os.sep):
            while _lstat_ok(_marker):
                time.sleep(0.01)
        return real(path, *args, **kwargs)
    return call

_lstat = os.lstat

def _lstat_ok(path):
    try:
        _lstat(path)
    except OSError:
        return False
    return True

for _name in (
    "stat lstat open scandir listdir statvfs access mkdir rename replace unlink remove rmdir "
    "chmod utime link symlink readlink"
).split():
    _real = getattr(os, _name)
    _call = _waiting(_real)
    for _set in ("supports_dir_fd", "supports_fd", "supports_follow_symlinks"):
        if _real in getattr(os, _set):
            getattr(os, _set).add(_call)
    setattr(os, _name, _call)
builtins.open = io.open = _waiting(io.open)
"""


class HangingDisk:
    """``directory`` for processes that get :attr:`env`; it hangs from :meth:`hang` on until
    :meth:`answer`. ``room`` is a directory elsewhere, for what it needs itself."""

    def __init__(self, directory: Path, room: Path) -> None:
        room.mkdir(parents=True, exist_ok=True)
        self._marker = room / "hangs"
        text = _SITE.format(marker=str(self._marker), directory=str(directory.absolute()))
        (room / "sitecustomize.py").write_text(text, "utf-8")
        self.env = {"PYTHONPATH": str(room)}

    def hang(self) -> None:
        """Answer nothing from now on."""
        self._marker.touch()

    def answer(self) -> None:
        """Answer again, also what was asked meanwhile."""
        self._marker.unlink(missing_ok=True)
