"""Reading a written result back in the engine's process, where a slow or deadly decoding harms
this job alone."""

from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

from studio_worker_core.errors import EngineFailed
from studio_worker_core.media_types import reason_against
from studio_worker_core.sound_length import BrokenSound, seconds_of
from studio_worker_core.wire.media_types import mime_for

_SVG = ("svg", "http://www.w3.org/2000/svg svg")


def read_back(path: Path) -> None:
    """Decode ``path`` as what its extension says, as far as that can be judged here.

    What is no file of its type at all is left to the host, which knows the words for it.

    Raises:
        EngineFailed: it does not decode.
    """
    ext = path.suffix.removeprefix(".").lower()
    family = "image" if ext == "svg" else mime_for(ext).partition("/")[0]
    if family not in ("image", "audio"):
        return
    try:
        is_one = not path.is_symlink() and reason_against(path, ext) is None
    except (OSError, ValueError):
        return
    if not is_one:
        return
    if family == "audio":
        _sound(path)
    elif ext == "svg":
        _drawing(path)
    else:
        from studio_worker_core.pictures import check_written  # Pillow costs other engines nothing

        check_written(path)


def _sound(path: Path) -> None:
    try:
        seconds_of(path)
    except BrokenSound as error:
        raise EngineFailed(f"the written {path.name} cannot be read back: {error}") from error


def _drawing(path: Path) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    names: list[str] = []
    parser.StartElementHandler = lambda name, _attributes: names.append(name)
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except expat.ExpatError as error:
        raise EngineFailed(f"the written {path.name} cannot be read back: {error}") from error
    if names[0] not in _SVG:
        raise EngineFailed(f"the written {path.name} is no SVG: its root is {names[0]!r}")
