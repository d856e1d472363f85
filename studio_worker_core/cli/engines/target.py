"""What kind of work is meant, where its result goes and of what type it is to be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from msgspec import Struct

from studio_worker_core.cli.engines.output_file import is_stream, is_terminal_output
from studio_worker_core.roster.roster import RosterEntry
from studio_worker_core.wire.media_types import WELL_KNOWN, mime_for
from studio_worker_core.wire.tasks import BINARY_KINDS, TaskKind

_FAMILIES = {"image": TaskKind.IMAGE, "audio": TaskKind.AUDIO_TTS, "video": TaskKind.VIDEO}
_ANIMATIONS = ("image/gif", "image/webp", "image/apng")
_PLAIN = ("png", "wav", "mp4", "glb")


class Target(Struct, frozen=True):
    """Where the result goes."""

    path: Path | None
    """None: an answer in JSON, to standard output."""
    ext: str | None
    """The type to ask the engine for; None for kinds that answer JSON."""
    is_stream: bool = False
    """It is written into, whatever its name: it has no suffix that tells the type."""


def kind_of_work(
    entry: RosterEntry, kind: TaskKind | None, output: Path | None, ext: Any, *, speaks: bool
) -> TaskKind:
    """The kind that is named, or that the type of the result or ``speaks`` tells.

    Raises:
        typer.BadParameter: the engine does not do it, or several could be meant.
    """
    does = ", ".join(entry.kinds)
    if kind is not None:
        if kind not in entry.kinds:
            raise typer.BadParameter(
                f"'{entry.engine}' does {does}, no {kind.value}", param_hint="--kind"
            )
        return kind
    if len(entry.kinds) == 1:
        return entry.kinds[0]
    wanted = ext if isinstance(ext, str) else output.suffix[1:] if output is not None else ""
    family = mime_for(wanted).partition("/")[0]
    guess = _FAMILIES.get(family, TaskKind.AUDIO_TTS if speaks else None)
    if guess not in entry.kinds or guess is None:
        raise typer.BadParameter(f"'{entry.engine}' does {does}; say which with --kind")
    return guess


def target_for(entry: RosterEntry, kind: TaskKind, output: Path | None, ext: Any) -> Target:
    """Where the result of ``kind`` goes, seen before any work is done.

    :param ext: what ``--param ext`` says, if anything.

    Raises:
        typer.BadParameter: it cannot go there, or the engine does not write that type.
    """
    is_binary = kind in BINARY_KINDS
    if output is None:
        if is_binary:
            known = ", ".join(_fitting(kind, entry.extensions))
            raise typer.BadParameter(f"say where the file goes: -o FILE, of type {known}")
        return Target(None, None)
    streams = is_stream(output)
    if not streams:
        _check_place(output)
    if not is_binary:
        return Target(output, None, streams)
    if streams and is_terminal_output(output):
        raise typer.BadParameter(
            f"a terminal cannot show {kind.value} data; send it on with | or >", param_hint="-o"
        )
    return Target(output, _type_of(entry, kind, output, ext, streams=streams), streams)


def _check_place(output: Path) -> None:
    if not output.parent.is_dir():
        raise typer.BadParameter(f"there is no directory {output.parent}", param_hint="-o")
    if output.is_dir():
        raise typer.BadParameter(f"{output} is a directory; name a file", param_hint="-o")
    directory = Path(os.path.realpath(output)).parent
    if not os.access(directory, os.W_OK | os.X_OK):
        raise typer.BadParameter(f"no file can be written in {directory}", param_hint="-o")


def _type_of(
    entry: RosterEntry, kind: TaskKind, output: Path, ext: Any, *, streams: bool
) -> str | None:
    fitting = _fitting(kind, entry.extensions)
    if streams:
        # There is no suffix: --param ext decides, or what opens everywhere.
        plain = [each for each in _PLAIN if each in fitting] or fitting
        if ext is None:
            return plain[0] if plain else None
        wanted, shown, hint = str(ext).lower(), f"'{ext}'", "--param ext"
    else:
        wanted = output.suffix[1:].lower()
        if ext is not None and mime_for(str(ext)) != mime_for(wanted):
            raise typer.BadParameter(
                f"{output.name} is to be {wanted or 'without a type'}; leave this out or name "
                f"the file *.{ext}",
                param_hint="--param ext",
            )
        shown, hint = f"'{output.suffix or output.name}'", "-o"
    if wanted not in fitting:
        known = ", ".join(fitting)
        raise typer.BadParameter(
            f"'{entry.engine}' does not write {shown}; it writes {known}", param_hint=hint
        )
    return wanted


def _fitting(kind: TaskKind, extensions: Mapping[str, str]) -> list[str]:
    """The engine's extensions that can hold a result of ``kind``; all where none is known."""

    def fits(ext: str, declared: str) -> bool:
        mime = WELL_KNOWN.get(ext, declared)
        match kind:
            case TaskKind.IMAGE:
                return mime.startswith("image/")
            case TaskKind.AUDIO_TTS:
                return mime.startswith("audio/")
            case TaskKind.VIDEO:
                return mime.startswith("video/") or mime in _ANIMATIONS
            case _:
                return not mime.startswith(("image/", "audio/", "video/"))

    return [ext for ext, mime in extensions.items() if fits(ext, mime)] or list(extensions)
