"""``studio-worker outbox``: results that the studio has not got yet, or would not take.

Works beside a running worker: what it shows may be delivered a moment later, and what it
puts back is found by the worker within seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.cli.questions import agreed

if TYPE_CHECKING:
    from studio_worker_core.outbox import Entry, Outbox

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="List, inspect, retry, export and remove results the studio has not got.",
)

_Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
_Jobs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[JOB]...", help="Job ids or entry names as in 'outbox list', or their beginnings."
    ),
]
_OTHER = "for another identity"
_STYLES = {"waiting": None, _OTHER: "yellow", "refused": "yellow", "corrupt": "red"}


@app.command("list")
def list_results(ctx: typer.Context, as_json: _Json = False) -> None:
    """List what waits for the studio, what it refused, and what could not be read.

    What another identity of this worker has made is kept, and sent when that identity is back.
    """
    from studio_worker_core.outbox import shown
    from studio_worker_core.storage.disk import shown_bytes
    from studio_worker_core.terminal import print_json, print_table

    outbox, may_send = _outbox(ctx), _sendable(ctx)
    entries = [*outbox.pending(), *outbox.refused()]
    corrupt = outbox.corrupt()
    if as_json:
        print_json(
            [_as_object(e, may_send) for e in entries] + [_corrupt_object(path) for path in corrupt]
        )
        return
    if not entries and not corrupt:
        typer.echo(f"nothing in {outbox.root}")
        return
    rows = [
        [
            entry.job_id if entry.job_id.isprintable() else shown(entry.key),
            _state(entry, may_send),
            entry.manifest.kind.value,
            entry.manifest.ext,
            shown_bytes(entry.manifest.bytes),
            f"{entry.manifest.created:%Y-%m-%d %H:%M}",
            str(entry.manifest.attempts),
            _reason(entry, may_send),
        ]
        for entry in entries
    ]
    rows += [[shown(path.name), "corrupt", "", "", "", "", "", shown(path)] for path in corrupt]
    print_table(
        ["job", "state", "kind", "ext", "size", "made (UTC)", "tries", "why"],
        rows,
        styles=[_STYLES[row[1]] for row in rows],
    )


@app.command()
def show(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(help="A job id or entry name, or its beginning.")],
    as_json: _Json = False,
) -> None:
    """Show all that is known about one result."""
    from studio_worker_core.terminal import print_json

    outbox = _outbox(ctx)
    for entry in _named([*outbox.pending(), *outbox.refused()], [job]):
        facts = _as_object(entry, _sendable(ctx))
        if as_json:
            print_json(facts)
            continue
        width = max(map(len, facts))
        for name, value in facts.items():
            if value is not None:
                typer.echo(f"{name.ljust(width)}  {value}")


@app.command()
def retry(
    ctx: typer.Context,
    jobs: _Jobs = None,
    every: Annotated[bool, typer.Option("--all", help="Every refused result.")] = False,
) -> None:
    """Deliver refused results once more; a running worker starts within seconds.

    A chat or transcription answer can only arrive while the studio still holds its job.
    """
    outbox = _outbox(ctx)
    for entry in _chosen(outbox.refused(), jobs, every, "--all"):
        outbox.retry(entry)
        typer.echo(f"job {entry.job_id} waits for delivery again")


@app.command()
def export(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(help="Where to put the files.")],
    jobs: _Jobs = None,
) -> None:
    """Copy results, each with its manifest, to a directory: all of them, or the named ones.

    Nothing in the directory is overwritten, nothing is removed from the outbox.
    """
    outbox = _outbox(ctx)
    entries = [*outbox.pending(), *outbox.refused()]
    directory.mkdir(parents=True, exist_ok=True)
    for entry in _named(entries, jobs) if jobs else entries:
        copied = _copy(entry, directory)
        typer.echo(copied if copied is not None else f"job {entry.job_id} was delivered meanwhile")


@app.command()
def purge(
    ctx: typer.Context,
    jobs: _Jobs = None,
    refused: Annotated[bool, typer.Option("--refused", help="Every refused result.")] = False,
    corrupt: Annotated[bool, typer.Option("--corrupt", help="What could not be read.")] = False,
    pending: Annotated[
        bool, typer.Option("--pending", help="Every result that still waits for the studio.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove results for good. Asks first, unless --yes is given."""
    outbox = _outbox(ctx)
    waiting, turned_down = outbox.pending(), outbox.refused()
    doomed = _named([*waiting, *turned_down], jobs) if jobs else []
    doomed += [e for e in turned_down if refused and e not in doomed]
    doomed += [e for e in waiting if pending and e not in doomed]
    unreadable = outbox.corrupt() if corrupt else []
    if not (jobs or refused or corrupt or pending):
        raise typer.BadParameter("say what to remove: JOB..., --refused, --corrupt or --pending")
    count = len(doomed) + len(unreadable)
    if count and not yes and not agreed(f"Remove {count} for good from {outbox.root}?"):
        raise typer.Abort
    for entry in doomed:
        outbox.forget(entry)
    for path in unreadable:
        outbox.forget_corrupt(path)
    typer.echo(f"removed {count}")


def _outbox(ctx: typer.Context) -> Outbox:
    # Imported on use: 'outbox --help' needs none of it.
    from studio_worker_core.config import ConfigStore
    from studio_worker_core.outbox import Outbox

    store = ConfigStore(invocation_of(ctx).config_path)
    return Outbox(store.outbox_root, lambda: store.config.outbox)


def _sendable(ctx: typer.Context) -> Callable[[Entry], bool]:
    from studio_worker_core.cli.identity import sendable_under
    from studio_worker_core.config import ConfigStore

    return sendable_under(ConfigStore(invocation_of(ctx).config_path).config)


def _chosen(
    entries: Sequence[Entry], names: list[str] | None, every: bool, option: str
) -> list[Entry]:
    if not names and not every:
        raise typer.BadParameter(f"name the jobs, or give {option}")
    return list(entries) if every else _named(entries, names or [])


def _named(entries: Sequence[Entry], names: Sequence[str]) -> list[Entry]:
    from studio_worker_core.cli.prefixes import whole_id
    from studio_worker_core.errors import OutboxError

    found: list[Entry] = []
    for name in dict.fromkeys(names):
        matching = [entry for entry in entries if name in (entry.job_id, entry.key)]
        if not matching:
            jobs, keys = [e.job_id for e in entries], [e.key for e in entries]
            whole = whole_id(name, jobs, "results") or whole_id(name, keys, "results")
            matching = [e for e in entries if whole is not None and whole in (e.job_id, e.key)]
        if not matching:
            raise OutboxError(f"no such result: {name} (see 'studio-worker outbox list')")
        found += [entry for entry in matching if entry not in found]
    return found


def _copy(entry: Entry, directory: Path) -> Path | None:
    import shutil

    from studio_worker_core.outbox import free_path

    copy = free_path(directory, entry.key, f".{entry.manifest.ext}")
    try:
        with entry.path.open("rb") as source, copy.open("xb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        notes = free_path(directory, copy.name, ".manifest.json")
        notes.write_bytes((entry.directory / "manifest.json").read_bytes())
    except FileNotFoundError:
        copy.unlink(missing_ok=True)
        return None
    except OSError:
        copy.unlink(missing_ok=True)
        raise
    return copy


def _state(entry: Entry, may_send: Callable[[Entry], bool]) -> str:
    if entry.manifest.refused or entry.directory.parent.name == "refused":
        return "refused"
    return "waiting" if may_send(entry) else _OTHER


def _reason(entry: Entry, may_send: Callable[[Entry], bool]) -> str:
    if _state(entry, may_send) == _OTHER:
        return f"made as worker {entry.manifest.worker}: kept, not sent"
    refusal = entry.manifest.refused
    return (refusal.reason if refusal is not None else entry.manifest.last_error) or ""


def _as_object(entry: Entry, may_send: Callable[[Entry], bool]) -> dict[str, Any]:
    from studio_worker_core.outbox import shown

    manifest = entry.manifest
    return {
        "job": manifest.job,
        "entry": shown(entry.key),
        "state": _state(entry, may_send),
        "kind": manifest.kind.value,
        "engine": manifest.engine,
        "model": manifest.model,
        "worker": manifest.worker,
        "ext": manifest.ext,
        "mime": manifest.mime,
        "bytes": manifest.bytes,
        "sha256": manifest.sha256,
        "created": manifest.created,
        "attempts": manifest.attempts,
        "last_error": manifest.last_error,
        "refused_reason": manifest.refused.reason if manifest.refused else None,
        "refused_status": manifest.refused.status if manifest.refused else None,
        "refused_at": manifest.refused.at if manifest.refused else None,
        "prompt": manifest.prompt,
        "file": shown(entry.path),
    }


def _corrupt_object(path: Path) -> dict[str, Any]:
    from studio_worker_core.outbox import shown

    return {
        "job": None,
        "entry": shown(path.name),
        "state": "corrupt",
        "file": shown(path),
    }
