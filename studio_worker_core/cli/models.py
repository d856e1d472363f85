"""``studio-worker models``: the local catalogue and the files on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studio_worker_core.cli.interrupts import saying_what_stays
from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.cli.model_hosting import load, ps, unload
from studio_worker_core.cli.numbers import number
from studio_worker_core.errors import ModelStoreError
from studio_worker_core.terminal import print_json, print_table

if TYPE_CHECKING:
    from studio_worker_core.models.catalogue import Catalogue
    from studio_worker_core.models.entries import CatalogueEntry
    from studio_worker_core.models.store import ModelStore
    from studio_worker_core.models.upkeep import CheckedFile

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="List, download, load, check and remove models.",
)

app.command()(load)
app.command()(unload)
app.command()(ps)

_Model = Annotated[
    str, typer.Argument(help="A model id, as 'models list' shows it, or its beginning.")
]


@app.command("list")
def list_models(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """List the models of the catalogue and what of them is on disk.

    "kept loaded" is what 'models load' asked for: the worker loads it when it starts.
    """
    store, catalogue = _rooms(ctx)
    from studio_worker_core.cli.model_listing import listing

    rows = listing(store, catalogue)
    if as_json:
        print_json(rows)
        return
    from studio_worker_core.foreign_text import printable
    from studio_worker_core.storage.disk import shown_bytes

    print_table(
        ["model", "name", "kind", "engine", "GPU GB", "files", "on disk", "state"],
        [
            [
                printable(row["id"]),
                printable(row["displayName"]),
                row["kind"] or "any",
                printable(row["engine"]),
                f"{row['vramGbEstimate']:g}",
                f"{row['filesPresent']}/{row['files']}",
                shown_bytes(row["bytes"]) if row["bytes"] else "-",
                row["state"] + (", kept loaded" if row["resident"] else ""),
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
    model = _whole(store, catalogue, model)
    entry = _entry(catalogue, model)
    if not entry.source.files:
        typer.echo(f"{model} needs no files")
        return
    from studio_worker_core.cli.model_progress import file_progress

    stays = f"what has arrived stays; 'studio-worker models pull {model}' goes on from there"
    with (
        saying_what_stays(stays),
        file_progress(quiet=invocation_of(ctx).verbosity < 0) as on_file,
    ):
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
        str | None, typer.Option(help="image, llm, audio_stt, audio_tts, video or mesh.")
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=URL[#sha256=HEX][&size=BYTES][&name=NAME]",
            help="A file of it, with its checksum and its size in bytes (also 4.2GB) where they "
            "are known; may be repeated.",
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="Name to show.")] = "",
    vram: Annotated[
        float, typer.Option(parser=number, metavar="GB", help="GPU memory it needs.")
    ] = 0.0,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="JSON", help="File with an entry of a registry; - reads it"),
    ] = None,
) -> None:
    """Add a model to the catalogue, or replace it. Nothing is downloaded yet.

    \b
    studio-worker models add my-model --engine sd-cpp --kind image --vram 6 \\
      --file diffusion-model=https://hub.example/m.safetensors
    """
    from studio_worker_core.cli.model_entry import entry_of, read_entry

    _, catalogue = _rooms(ctx)
    if source is not None:
        entry = read_entry(source, model)
    elif model is None or engine is None:
        raise typer.BadParameter("give a model id and --engine, or --from")
    else:
        entry = entry_of(model, engine, kind, file or (), name, vram)
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
    from studio_worker_core.storage.disk import shown_bytes

    store, catalogue = _rooms(ctx)
    model = _whole(store, catalogue, model)
    freed = store.remove(model)
    was_known = (not files_only) and catalogue.remove(model)
    if was_known:
        from studio_worker_core.models.residency import Residency

        Residency(catalogue.path.with_name("residency.json")).forget(model)
    left = store.left_behind(model)
    if not freed and not was_known and not left:
        raise _unknown(catalogue, model)
    if invocation_of(ctx).verbosity >= 0:
        typer.echo(f"{model}: {shown_bytes(freed)} freed")
    if left:
        typer.echo(
            f"not downloaded here, or changed since, and therefore left in {left[0].parent}: "
            + ", ".join(path.name for path in left),
            err=True,
        )


@app.command()
def verify(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Argument(help="A model id; all models without.")] = None,
) -> None:
    """Check the files on disk against their checksums. Exits 1 when one is not right.

    A file that changed is set aside, and the next job downloads it again. "ok, form only" is
    a file that is as it was downloaded, but whose source names no checksum: only its form was
    checked then.
    """
    from studio_worker_core.foreign_text import printable

    store, catalogue = _rooms(ctx)
    model = None if model is None else _whole(store, catalogue, model)
    names = [model] if model is not None else [stored.model for stored in store.models()]
    rows, wrong = [], 0
    for name in names:
        checked = store.verify(name)
        if not checked and model is not None:
            raise _without_files(catalogue, model)
        wrong += sum(file.state != "ok" for file in checked)
        rows += [
            [printable(name), file.name, _state_of(file), str(file.aside or file.path)]
            for file in checked
        ]
    if not rows:
        typer.echo("no files of models are on disk")
        return
    print_table(
        ["model", "file", "state", "path"],
        rows,
        styles=[None if row[2].startswith("ok") else "red" for row in rows],
    )
    if wrong:
        raise typer.Exit(1)


def _state_of(file: CheckedFile) -> str:
    if file.state == "ok":
        return "ok" if file.checked == "sum" else "ok, form only"
    return "changed, set aside" if file.aside is not None else file.state


@app.command()
def path(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Argument(help="A model id; the root without.")] = None,
) -> None:
    """Print the directory of all models, or of one."""
    store, catalogue = _rooms(ctx)
    if model is None:
        typer.echo(str(store.root))
    else:
        typer.echo(str(store.directory(_whole(store, catalogue, model))))


def _rooms(ctx: typer.Context) -> tuple[ModelStore, Catalogue]:
    from studio_worker_core.config import ConfigStore
    from studio_worker_core.models.catalogue import Catalogue
    from studio_worker_core.models.store import ModelStore

    config = ConfigStore(invocation_of(ctx).config_path)
    config.load()
    return ModelStore(config.models_root), Catalogue(
        config.catalogue_path, older=config.models_root
    )


def _whole(store: ModelStore, catalogue: Catalogue, model: str) -> str:
    """The id that ``model`` is, or the beginning of; itself when there is no such."""
    from studio_worker_core.cli.prefixes import whole_id

    known = [entry.id for entry in catalogue.entries()] + [found.model for found in store.models()]
    return whole_id(model, known, "models") or model


def _entry(catalogue: Catalogue, model: str) -> CatalogueEntry:
    entry = catalogue.find(model)
    if entry is None:
        raise _unknown(catalogue, model)
    return entry


def _unknown(catalogue: Catalogue, model: str) -> ModelStoreError:
    return ModelStoreError(
        f"there is no model {model!r} in {catalogue.path}; 'studio-worker models list' shows "
        "what there is, 'studio-worker models add' adds one",
        what=model,
    )


def _without_files(catalogue: Catalogue, model: str) -> ModelStoreError:
    entry = catalogue.find(model)
    if entry is None:
        return _unknown(catalogue, model)
    if not entry.source.files:
        return ModelStoreError(f"{model} needs no files, so there is nothing to check", what=model)
    return ModelStoreError(
        f"no files of {model!r} are on disk; 'studio-worker models pull {model}' downloads them",
        what=model,
    )
