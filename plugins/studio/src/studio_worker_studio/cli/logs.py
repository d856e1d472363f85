"""``studio logs``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from studio_worker_studio.cli.options import DEFAULT_URL, AsJson, StudioUrl, TokenFile


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(logs)


def logs(
    job: Annotated[
        str | None, typer.Option(metavar="JOB", help="Only about it.", show_default=False)
    ] = None,
    worker: Annotated[
        str | None, typer.Option(metavar="WORKER", help="Only from it.", show_default=False)
    ] = None,
    after: Annotated[
        int | None,
        typer.Option(
            min=0, help="Only entries after this id, the oldest first.", show_default=False
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1000,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete all of them, or those of JOB or WORKER.")
    ] = False,
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """The latest log entries that workers shipped, in the order they came."""
    from studio_worker_core.foreign_text import printable
    from studio_worker_core.terminal import print_json
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.idents import job_id_of, worker_id_of

    if delete and after is not None:
        raise typer.BadParameter("--delete knows no --after; it takes --job and --worker")
    studio = connect(studio_url, token_file)
    about = {
        "jobId": None if job is None else job_id_of(studio, job),
        "workerId": None if worker is None else worker_id_of(studio, worker),
    }
    if delete:
        studio.delete("/logs", **about)
        print_json({"status": "deleted"}) if as_json else typer.echo("log entries deleted")
        return
    if after is None:
        found = list(studio.items("/logs", limit, order="newest", **about))[::-1]
    else:
        found = list(studio.items("/logs", limit, after=after, **about))
    if as_json:
        print_json(found)
        return
    for entry in found:
        typer.echo(printable(_line(entry)))
    if not found:
        typer.echo("no log entries", err=True)


def _line(entry: dict[str, Any]) -> str:
    of_job = f" [{entry['jobId']}]" if entry.get("jobId") else ""
    return (
        f"{entry['ts']} {entry['level']:<7} {entry['workerId']}{of_job} "
        f"{entry['category']}: {entry['message']}"
    )
