"""``studio jobs``, ``job``, ``result``, ``cancel``, ``retry``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from studio_worker_studio.cli.options import DEFAULT_URL, AsJson, StudioUrl, TokenFile

__all__ = ["add_to", "describe"]

_JobId = Annotated[str, typer.Argument(metavar="JOB")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (jobs, job, result, cancel, retry):
        app.command()(command)


def jobs(
    state: Annotated[
        str | None,
        typer.Option(
            metavar="STATE",
            help="Only queued, claimed, done, failed or cancelled ones.",
            show_default=False,
        ),
    ] = None,
    after: Annotated[
        str | None, typer.Option(metavar="JOB", help="Only those after it.", show_default=False)
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, show_default=False)] = None,
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """The jobs, in the order they were queued."""
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.output import print_json, print_table, when

    studio = connect(studio_url, token_file)
    found = list(studio.items("/jobs", limit, state=state, after=after))
    if as_json:
        print_json(found)
        return
    rows = [
        [
            job["jobId"],
            job["state"],
            job["kind"],
            job["model"],
            f"{job['attempts']}/{job['maxAttempts']}",
            job.get("workerId", "-"),
            when(job["createdAt"]),
            job.get("error") or _outcome(job),
        ]
        for job in found
    ]
    headings = ["job", "state", "kind", "model", "failures", "worker", "queued", "result"]
    print_table(headings, rows, "no jobs")


def job(
    job_id: _JobId,
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """One job with its task."""
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.output import print_json

    found = connect(studio_url, token_file).get(f"/jobs/{_plain(job_id)}")
    if as_json:
        print_json(found)
    else:
        describe(found)


def result(
    job_id: _JobId,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="File or directory. Without it, JSON is printed and a file is named by its job.",
            show_default=False,
        ),
    ] = None,
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the result of a finished job."""
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.fetching import fetch_result

    studio = connect(studio_url, token_file)
    fetch_result(studio, studio.get(f"/jobs/{_plain(job_id)}"), output, as_json=as_json)


def cancel(
    job_id: _JobId,
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a job; a second time takes it from its worker at once."""
    _change(job_id, "cancel", studio_url, token_file, as_json)


def retry(
    job_id: _JobId,
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Queue a failed or cancelled job again."""
    _change(job_id, "retry", studio_url, token_file, as_json)


def describe(job: dict[str, Any]) -> None:
    """A job as lines of names and values."""
    from studio_worker_studio.cli.output import when

    typer.echo(f"job       {job['jobId']}")
    typer.echo(f"state     {job['state']}{' (asked to stop)' if job['cancelRequested'] else ''}")
    typer.echo(f"kind      {job['kind']}")
    typer.echo(f"model     {job['model']} (engine {job['engine']})")
    typer.echo(f"failures  {job['attempts']} of {job['maxAttempts']}")
    typer.echo(f"worker    {job['workerId'] or '-'}")
    typer.echo(f"queued    {when(job['createdAt'])}")
    typer.echo(f"finished  {when(job['finishedAt'])}")
    if "progress" in job:
        typer.echo(f"progress  {job['progress']['fraction']:.0%}")
    if "error" in job:
        typer.echo(f"error     {job['error']}")
    if "result" in job:
        typer.echo(f"result    {_outcome(job)}")


def _change(
    job_id: str, what: str, studio_url: str, token_file: Path | None, as_json: bool
) -> None:
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.output import print_json

    changed = connect(studio_url, token_file).post(f"/jobs/{_plain(job_id)}/{what}")
    if as_json:
        print_json(changed)
        return
    asked = ", its worker is asked to stop" if changed["cancelRequested"] else ""
    typer.echo(f"{changed['jobId']} {changed['state']}{asked}")


def _outcome(job: dict[str, Any]) -> str:
    from studio_worker_studio.cli.output import size

    result = job.get("result")
    if not result:
        progress = job.get("progress")
        return f"{progress['fraction']:.0%}" if progress else "-"
    return f"{result.get('ext', 'json')}, {size(result['bytes'])}"


def _plain(ident: str) -> str:
    from urllib.parse import quote

    return quote(ident, safe="")
