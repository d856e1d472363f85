"""The model an engine is tried with: one the engine knows by name, or one with files."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import msgspec
import typer

from studio_worker_core.config import ConfigStore
from studio_worker_core.errors import InvalidTask
from studio_worker_core.plugin import Model
from studio_worker_core.roster.roster import RosterEntry
from studio_worker_core.wire.complaints import in_words, place_of
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import TaskKind


def read_model_source(path: Path, name: str | None, engine: str) -> tuple[str, ModelSource]:
    """The name and the source in a JSON file: a model source (protocol §3), or an entry of
    a registry that has one. ``name`` wins over the entry's, the file's stem is the last resort.

    Raises:
        typer.BadParameter: it cannot be read, holds neither, or a source of another engine.
    """
    try:
        found: Any = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise _bad(f"{path}: {error.strerror or error}") from None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise _bad(f"{path} is not JSON") from None
    inner = found
    if isinstance(found, dict):
        inner = found.get("source", found.get("modelSource", found))
    try:
        source = msgspec.convert(inner, ModelSource)
    except msgspec.ValidationError as error:
        place = place_of(error)
        where = f"its {place}: " if place else ""
        raise _bad(f"{path} is no model source: {where}{in_words(error)}") from None
    if source.engine != engine:
        raise _bad(f"{path} is a model for '{source.engine}', not for '{engine}'")
    return name or str(found.get("id") or found.get("model") or path.stem), source


def _bad(why: str) -> typer.BadParameter:
    return typer.BadParameter(why, param_hint="--model-source")


def chosen_source(
    store: ConfigStore,
    entry: RosterEntry,
    kind: TaskKind,
    *,
    name: str | None,
    source_file: Path | None,
) -> tuple[str, ModelSource]:
    """The name of the model to run, and where it comes from.

    In this order: the source in ``source_file``, the catalogue's entry of ``name``, ``name``
    itself, the first model the engine advertises.

    Raises:
        InvalidTask: the engine advertises none by name and none was named.
    """
    # Imported here: only now is it clear that a job is to run.
    from studio_worker_core.jobs.local import plain_model
    from studio_worker_core.models.catalogue import Catalogue

    if source_file is not None:
        return read_model_source(source_file, name, entry.engine)
    known = None
    if name is None:
        name = plain_model(entry, kind)
        if name is None:
            raise InvalidTask(
                f"engine '{entry.engine}' serves any {kind.value} model its source describes; "
                "name one of the catalogue with --model, or give --model-source FILE.json"
            )
    else:
        known = Catalogue(store.catalogue_path, older=store.models_root).find(name)
    if known is not None and known.source.engine == entry.engine:
        return name, known.source
    return name, ModelSource(engine=entry.engine)


def ensured(
    store: ConfigStore,
    name: str,
    source: ModelSource,
    *,
    quiet: bool,
    cancel: threading.Event | None = None,
) -> Model:
    """A model with its files on disk, downloaded with a progress bar."""
    if not source.files:
        return Model(name, defaults=source.cli_defaults)
    from studio_worker_core.cli.model_progress import file_progress
    from studio_worker_core.models.store import ModelStore

    with file_progress(quiet=quiet) as on_file:
        files = ModelStore(store.models_root).ensure(source, name, on_file=on_file, cancel=cancel)
    return Model(name, files, source.cli_defaults)
