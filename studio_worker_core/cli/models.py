"""``studio-worker models``: the local catalogue and the files on disk."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.cli.terminal import print_json, print_table
from studio_worker_core.errors import ModelStoreError

if TYPE_CHECKING:
    from studio_worker_core.models.catalogue import Catalogue
    from studio_worker_core.models.entries import CatalogueEntry
    from studio_worker_core.models.store import ModelStore

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="List, download, check and remove models.",
)

_Model = Annotated[str, typer.Argument(help="A model id, as 'models list' shows it.")]


@app.command("list")
def list_models(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """List the models of the catalogue and what of them is on disk."""
    store, catalogue = _rooms(ctx)
    rows = _listing(store, catalogue)
    if as_json:
        print_json(rows)
        return
    from studio_worker_core.host.disk import shown_bytes

    print_table(
        ["model", "name", "kind", "engine", "GPU GB", "files", "on disk", "state"],
        [
            [
                row["id"],
                row["displayName"],
                row["kind"] or "any",
                row["engine"],
                f"{row['vramGbEstimate']:g}",
                f"{row['filesPresent']}/{row['files']}",
                shown_bytes(row["bytes"]) if row["bytes"] else "-",
                row["state"],
            ]
            for row in rows
        ],
        styles=[None if row["enabled"] else "dim" for row in rows],
    )


@app.command()
def pull(ctx: typer.Context, model: _Model) -> None:
    """Download the files of a model now instead of at its first job.

    A download that was interrupted goes on where it ended. STUDIO_WORKER_HUB_TOKEN, if set,
    is sent to the hub (huggingface.co, or STUDIO_WORKER_HUB_HOST) and to nobody else.
    """
    store, catalogue = _rooms(ctx)
    entry = _entry(catalogue, model)
    if not entry.source.files:
        typer.echo(f"{model} needs no files")
        return
    from studio_worker_core.cli.model_progress import file_progress

    with file_progress(quiet=invocation_of(ctx).verbosity < 0) as on_file:
        roles = store.ensure(entry.source, model, on_file=on_file)
    for paths in roles.values():
        for path in paths:
            typer.echo(str(path))


@app.command()
def add(
    ctx: typer.Context,
    model: Annotated[
        str | None, typer.Argument(help="The id of the model; with --from, the one in the file.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="Engine that serves it, e.g. sd-cpp.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="image, llm, audio_stt, audio_tts or video.")
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE=URL[#sha256=HEX]", help="A file of it; may be repeated."),
    ] = None,
    name: Annotated[str, typer.Option(help="Name to show.")] = "",
    vram: Annotated[float, typer.Option(help="GPU memory it needs, in GB.", min=0)] = 0.0,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="JSON", help="File with an entry of a registry; - reads it"),
    ] = None,
) -> None:
    """Add a model to the catalogue, or replace it. Nothing is downloaded yet.

    \b
    studio-worker models add my-model --engine sd-cpp --kind image
    --file diffusion-model=https://hub.example/m.safetensors --vram 6
    """
    _, catalogue = _rooms(ctx)
    if source is not None:
        entry = _read_entry(source, model)
    else:
        if model is None or engine is None:
            raise typer.BadParameter("give a model id and --engine, or --from")
        given = {
            "id": model,
            "displayName": name or model,
            "vramGbEstimate": vram,
            "source": {"engine": engine, "files": [_file_of(text) for text in file or ()]},
        }
        entry = _converted(given | ({"kind": kind} if kind else {}), "the model")
    from studio_worker_core.models.store import check_source

    check_source(entry.source)
    catalogue.put(entry)
    if invocation_of(ctx).verbosity >= 0:
        typer.echo(f"{entry.id} is in {catalogue.path}")


@app.command()
def remove(
    ctx: typer.Context,
    model: _Model,
    files_only: Annotated[
        bool, typer.Option("--files-only", help="Keep it in the catalogue.")
    ] = False,
) -> None:
    """Delete the files of a model and take it out of the catalogue."""
    from studio_worker_core.host.disk import shown_bytes

    store, catalogue = _rooms(ctx)
    freed = store.remove(model)
    was_known = (not files_only) and catalogue.remove(model)
    if not freed and not was_known:
        raise ModelStoreError(f"there is no model {model!r}", what=model)
    if invocation_of(ctx).verbosity >= 0:
        typer.echo(f"{model}: {shown_bytes(freed)} freed")


@app.command()
def verify(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Argument(help="A model id; all models without.")] = None,
) -> None:
    """Check the files on disk against their checksums. Exits 1 when one is not right.

    A file that changed is removed, and the next job downloads it again.
    """
    store, _ = _rooms(ctx)
    names = [model] if model is not None else [stored.model for stored in store.models()]
    rows, wrong = [], 0
    for name in names:
        checked = store.verify(name)
        if not checked and model is not None:
            raise ModelStoreError(f"no files of {model!r} are on disk", what=model)
        wrong += sum(file.state != "ok" for file in checked)
        rows += [[name, file.name, file.state, str(file.path)] for file in checked]
    print_table(
        ["model", "file", "state", "path"],
        rows,
        styles=[None if row[2] == "ok" else "red" for row in rows],
    )
    if wrong:
        raise typer.Exit(1)


@app.command()
def path(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Argument(help="A model id; the root without.")] = None,
) -> None:
    """Print the directory of all models, or of one."""
    store, _ = _rooms(ctx)
    typer.echo(str(store.root if model is None else store.directory(model)))


def _rooms(ctx: typer.Context) -> tuple[ModelStore, Catalogue]:
    from studio_worker_core.config import ConfigStore
    from studio_worker_core.models.catalogue import Catalogue
    from studio_worker_core.models.store import ModelStore

    config = ConfigStore(invocation_of(ctx).config_path)
    config.load()
    return ModelStore(config.models_root), Catalogue(config.models_root)


def _entry(catalogue: Catalogue, model: str) -> CatalogueEntry:
    entry = catalogue.find(model)
    if entry is None:
        raise ModelStoreError(
            f"there is no model {model!r} in {catalogue.path}; 'studio-worker models list' shows "
            "what there is, 'studio-worker models add' adds one",
            what=model,
        )
    return entry


def _listing(store: ModelStore, catalogue: Catalogue) -> list[dict[str, Any]]:
    stored = {found.model: found for found in store.models()}
    rows = []
    for entry in catalogue.entries():
        found = stored.pop(entry.id, None)
        wanted = {file.filename for file in entry.source.files}
        present = wanted & set(found.files) if found else set()
        state = "ready" if present == wanted else ("partial" if present else "not downloaded")
        rows.append(
            {
                "id": entry.id,
                "displayName": entry.display_name or entry.id,
                "kind": entry.kind,
                "engine": entry.source.engine,
                "vramGbEstimate": entry.vram_gb_estimate,
                "enabled": entry.enabled,
                "origin": entry.origin,
                "files": len(wanted),
                "filesPresent": len(present),
                "bytes": found.size if found else 0,
                "state": state,
            }
        )
    for found in stored.values():
        rows.append(
            {
                "id": found.model,
                "displayName": found.model,
                "kind": None,
                "engine": "",
                "vramGbEstimate": 0.0,
                "enabled": True,
                "origin": "disk",
                "files": len(found.files),
                "filesPresent": len(found.files),
                "bytes": found.size,
                "state": "ready",
            }
        )
    return rows


def _read_entry(source: Path, model: str | None) -> CatalogueEntry:
    data = sys.stdin.buffer.read() if str(source) == "-" else source.read_bytes()
    try:
        given = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise ModelStoreError(f"{source} is not JSON: {error}", what=str(source)) from None
    if not isinstance(given, dict):
        raise ModelStoreError(f"{source} is not one JSON object", what=str(source))
    return _converted(given | ({"id": model} if model else {}), str(source))


def _converted(given: dict[str, Any], what: str) -> CatalogueEntry:
    from studio_worker_core.models.entries import CatalogueEntry

    try:
        entry = msgspec.convert(given, CatalogueEntry)
    except msgspec.ValidationError as error:
        raise ModelStoreError(f"{what} cannot be used: {error}", what=what) from None
    return msgspec.structs.replace(entry, origin="local")


def _file_of(text: str) -> dict[str, Any]:
    """``role=url#sha256=hex`` as an entry of ``source.files``."""
    from urllib.parse import unquote, urlsplit

    role, found, rest = text.partition("=")
    if not found:
        raise typer.BadParameter(f"{text!r} is not ROLE=URL", param_hint="--file")
    url, _, checksum = rest.partition("#sha256=")
    try:
        name = unquote(urlsplit(url).path).rpartition("/")[2]
    except ValueError as error:
        raise typer.BadParameter(f"{url!r} is no URL: {error}", param_hint="--file") from None
    file = {"role": role, "url": url, "filename": name}
    return file | ({"sha256": checksum} if checksum else {})
