"""The model an engine is tried with: one the engine knows by name, or one with files."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import msgspec
import typer

from studio_worker_core.config import ConfigStore
from studio_worker_core.engines.roster import RosterEntry
from studio_worker_core.errors import InvalidTask
from studio_worker_core.plugin import Model
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import TaskKind

__all__ = ["chosen_model", "ensured", "read_model_source"]


def read_model_source(path: Path, name: str | None, engine: str) -> tuple[str, ModelSource]:
    """The name and the source in a JSON file: a model source (protocol §3), or an entry of
    a registry that has one. ``name`` wins over the entry's, the file's stem is the last resort.

    Raises:
        typer.BadParameter: the file holds neither, or a source of another engine.
        OSError: it cannot be read.
    """
    try:
        found: Any = msgspec.json.decode(path.read_bytes())
        inner = found.get("source", found.get("modelSource", found)) if found else found
        source = msgspec.convert(inner, ModelSource)
    except (msgspec.MsgspecError, AttributeError, UnicodeError) as error:
        raise typer.BadParameter(f"{path} is no model source: {error}") from None
    if source.engine != engine:
        raise typer.BadParameter(f"{path} is a model for '{source.engine}', not for '{engine}'")
    return name or str(found.get("id") or found.get("model") or path.stem), source


def chosen_model(
    store: ConfigStore,
    entry: RosterEntry,
    kind: TaskKind,
    *,
    name: str | None,
    source_file: Path | None,
    quiet: bool = False,
    cancel: threading.Event | None = None,
) -> Model:
    """The model to run, with its files on disk; downloads what is missing.

    In this order: the source in ``source_file``, the catalogue's entry of ``name``, ``name``
    itself, the first model the engine advertises.

    Raises:
        InvalidTask: the engine advertises none by name and none was named.
        ModelStoreError: a file cannot be had.
    """
    if source_file is not None:
        name, source = read_model_source(source_file, name, entry.engine)
        return ensured(store, name, source, quiet=quiet, cancel=cancel)
    if name is None:
        advertised = [model for model in entry.models.get(kind, ()) if not model.endswith(":*")]
        if not advertised:
            raise InvalidTask(
                f"engine '{entry.engine}' serves any {kind.value} model its source describes; "
                "name one of the catalogue with --model, or give --model-source FILE.json"
            )
        # The shortest name is the plain one: "procedural" before "procedural-waves".
        return Model(min(advertised, key=lambda model: (len(model), model)))
    # Imported here: the catalogue is needed only when a model is named.
    from studio_worker_core.models.catalogue import Catalogue

    known = Catalogue(store.models_root).find(name)
    if known is not None and known.source.engine == entry.engine:
        return ensured(store, name, known.source, quiet=quiet, cancel=cancel)
    return Model(name)


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
