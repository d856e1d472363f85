"""A model as ``models add`` is given it: by options, or as the entry of a registry."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import typer

from studio_worker_core.errors import ModelStoreError
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.models.file_lines import file_of
from studio_worker_core.models.store import check_source
from studio_worker_core.wire.complaints import in_words, place_of
from studio_worker_core.wire.tasks import TaskKind

_ENGINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MOST_GB = 1_000_000
_OPTIONS = (
    ("source.files", "--file"),
    ("source.engine", "--engine"),
    ("displayName", "--name"),
    ("vramGbEstimate", "--vram"),
    ("kind", "--kind"),
    ("id", "model"),
)
"""What each part of an entry is given with."""


def _check_options(model: str, engine: str, kind: str | None, vram: float) -> None:
    """Raises typer.BadParameter in the words of the options."""
    if not model or not model.isprintable():
        raise typer.BadParameter(f"{model!r} cannot be the id of a model", param_hint="model")
    if _ENGINE.fullmatch(engine) is None:
        raise typer.BadParameter(
            f"{engine!r} is no name of an engine; 'studio-worker engines list' shows them",
            param_hint="--engine",
        )
    kinds = [known.value for known in TaskKind]
    if kind is not None and kind not in kinds:
        raise typer.BadParameter(f"{kind!r} is not one of {', '.join(kinds)}", param_hint="--kind")
    if not math.isfinite(vram) or not 0 <= vram <= _MOST_GB:
        raise typer.BadParameter(f"{vram:g} is no number of GB", param_hint="--vram")


def entry_of(
    model: str, engine: str, kind: str | None, files: Sequence[str], name: str, vram: float
) -> CatalogueEntry:
    """The entry that the options describe. Raises typer.BadParameter in their words."""
    _check_options(model, engine, kind, vram)
    given: dict[str, Any] = {
        "id": model,
        "displayName": name or model,
        "vramGbEstimate": vram,
        "source": {"engine": engine, "files": _files(files)},
    }
    try:
        entry = msgspec.convert(given | ({"kind": kind} if kind else {}), CatalogueEntry)
    except msgspec.ValidationError as error:
        place = place_of(error)
        hint = next((option for start, option in _OPTIONS if place.startswith(start)), None)
        part = f"its {place.rpartition('.')[2]}: " if hint == "--file" else ""
        raise typer.BadParameter(part + in_words(error), param_hint=hint) from None
    try:
        check_source(entry.source)
    except ModelStoreError as error:
        raise typer.BadParameter(str(error), param_hint="--file") from None
    return entry


def _files(lines: Sequence[str]) -> list[dict[str, Any]]:
    try:
        return [file_of(text) for text in lines]
    except ModelStoreError as error:
        raise typer.BadParameter(str(error), param_hint="--file") from None


def read_entry(source: Path, model: str | None) -> CatalogueEntry:
    """The entry in a file, ``-`` for standard input. Raises :class:`ModelStoreError`."""
    data = sys.stdin.buffer.read() if str(source) == "-" else source.read_bytes()
    if not data.strip():
        raise ModelStoreError(f"{source} is empty", what=str(source))
    try:
        given = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ModelStoreError(f"{source} is not JSON: {error}", what=str(source)) from None
    if not isinstance(given, dict):
        raise ModelStoreError(f"{source} is not one JSON object", what=str(source))
    entry = _converted(given | ({"id": model} if model else {}), str(source))
    check_source(entry.source)
    return entry


def _converted(given: dict[str, Any], what: str) -> CatalogueEntry:
    """``given`` as an entry of the operator's own. Raises :class:`ModelStoreError`."""
    try:
        entry = msgspec.convert(given, CatalogueEntry)
    except msgspec.ValidationError as error:
        place = place_of(error)
        where = f"its {place}: " if place else ""
        raise ModelStoreError(
            f"{what} cannot be used: {where}{in_words(error)}", what=what
        ) from None
    if not entry.id.isprintable():
        raise ModelStoreError(f"{what} cannot be used: its id {entry.id!r} has control characters")
    return msgspec.structs.replace(entry, origin="local")
