"""Making a directory that diffusers can load: from loose files, or from a zip of configs."""

from __future__ import annotations

import json
import stat
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from studio_worker_core.plugin import InvalidTask
from studio_worker_image.diffusion.layout import DirectoryModel
from studio_worker_image.diffusion.links import link_or_copy

_MAX_FILES = 200
_MAX_BYTES = 64 * 1024 * 1024
_MAX_DEPTH = 3
_SUFFIXES = frozenset({".json", ".model", ".txt"})
_LIBRARIES: Collection[str | None] = (None, "diffusers", "transformers", "stable_diffusion")


def assemble(model: DirectoryModel, directory: Path) -> Path:
    """Lay the files out below ``directory`` under their own names; returns it."""
    for place, path in model.files.items():
        link_or_copy(path, directory / place)
    check_index(directory)
    return directory


def unpack_configs(archive: Path, directory: Path) -> Path:
    """Unpack a zip of component configs into ``directory``; the directory that has
    ``model_index.json`` in it, which may be one level down.

    Nothing but regular ``.json``, ``.txt`` and ``.model`` files is taken, at most 200 of them
    and 64 MiB unpacked, none outside ``directory``.

    Raises:
        InvalidTask: the archive is broken, or holds anything else.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [info for info in opened.infolist() if not info.is_dir()]
            if len(members) > _MAX_FILES:
                raise _refused(archive, f"it holds more than {_MAX_FILES} files")
            left = _MAX_BYTES
            seen: set[str] = set()
            for info in members:
                place = _place_of(info, archive)
                if str(place).lower() in seen:
                    raise _refused(archive, f"it holds {place} twice")
                seen.add(str(place).lower())
                target = directory.joinpath(*place.parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(info) as source:
                    data = source.read(left + 1)  # the sizes in the archive may be lies
                left -= len(data)
                if left < 0:
                    raise _refused(archive, f"it unpacks to more than {_MAX_BYTES >> 20} MiB")
                target.write_bytes(data)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise _refused(archive, f"it cannot be unpacked ({error})") from error
    except RuntimeError as error:  # how zipfile says that a password is needed
        raise _refused(archive, str(error)) from error
    for candidate in (directory, *sorted(directory.iterdir())):
        if (candidate / "model_index.json").is_file():
            check_index(candidate)
            return candidate
    raise _refused(archive, "it has no model_index.json")


def check_index(directory: Path) -> str:
    """The pipeline class that ``model_index.json`` names, once it is sure that every class
    comes from the installed libraries.

    Raises:
        InvalidTask: it is unreadable, or names code from elsewhere.
    """
    try:
        index = json.loads((directory / "model_index.json").read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidTask(f"model_index.json cannot be read: {error}") from error
    name = index.get("_class_name") if isinstance(index, dict) else None
    if not isinstance(name, str) or not name.isidentifier():
        raise InvalidTask("model_index.json names no pipeline class of diffusers (_class_name)")
    for component, value in index.items():
        if isinstance(value, list) and value and component != "_class_name":
            library = value[0]
            if not (library is None or isinstance(library, str)) or library not in _LIBRARIES:
                raise InvalidTask(
                    f"model_index.json takes {component!r} from {str(library)[:80]!r}; only "
                    "diffusers and transformers are allowed"
                )
    return name


def _place_of(info: zipfile.ZipInfo, archive: Path) -> PurePosixPath:
    name = info.filename
    place = PurePosixPath(name)
    mode = info.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise _refused(archive, f"{name[:80]!r} is no regular file")
    is_plain = not place.is_absolute() and not any(
        part in ("..", ".") or ":" in part or "\\" in part or part.endswith((".", " "))
        for part in place.parts
    )
    if not is_plain or not place.parts or len(place.parts) > _MAX_DEPTH:
        raise _refused(archive, f"{name[:80]!r} is no place in a model")
    if place.suffix.lower() not in _SUFFIXES:
        raise _refused(archive, f"{name[:80]!r} is no config: {', '.join(sorted(_SUFFIXES))} only")
    return place


def _refused(archive: Path, reason: str) -> InvalidTask:
    return InvalidTask(f"the configs in {archive.name} are refused: {reason}")
