"""``studio jobs``, ``job``, ``result``, ``cancel``, ``retry``, ``delete``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from studio_worker_studio.cli.options import DEFAULT_URL, AsJson, StudioUrl, TokenFile

_JobId = Annotated[
    str, typer.Argument(metavar="JOB", help="Its id, or the beginning that no other has.")
]
_TABLE_ROWS = 100


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (jobs, job, result, cancel, retry, delete):
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
        str | None,
        typer.Option(metavar="JOB", help="Only those that follow it.", show_default=False),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"At most so many; else {_TABLE_ROWS} in a table, all with --json.",
            show_default=False,
        ),
    ] = None,
    oldest_first: Annotated[
        bool, typer.Option("--oldest-first", help="In the order they were queued.")
    ] = False,
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """The jobs, the newest first."""
    from studio_worker_core.terminal import print_json
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.idents import job_id_of
    from studio_worker_studio.cli.output import print_table, when

    studio = connect(studio_url, token_file)
    order = "oldest" if oldest_first else "newest"
    after = None if after is None else job_id_of(studio, after)
    shown = limit or (None if as_json else _TABLE_ROWS)
    wanted = None if shown is None else shown + 1
    found = list(studio.items("/jobs", wanted, state=state, after=after, order=order))
    more, found = len(found) > len(found[:shown]), found[:shown]
    if as_json:
        print_json(found)
        return
    rows = [_row(job, when(job["createdAt"])) for job in found]
    headings = ["job", "state", "kind", "model", "failures", "worker", "queued", "result"]
    print_table(headings, rows, "no jobs")
    if more:
        typer.echo(f"there are more; --after {found[-1]['jobId']} shows them", err=True)


def _row(job: dict[str, Any], queued: str) -> list[str]:
    return [
        job["jobId"],
        job["state"],
        job["kind"],
        job["model"],
        f"{job['attempts']}/{job['maxAttempts']}",
        job.get("workerId", "-"),
        queued,
        job.get("error") or _outcome(job),
    ]


def job(
    job_id: _JobId,
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """One job; with --json its task, too."""
    from studio_worker_core.terminal import print_json
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.idents import job_id_of, path_part

    studio = connect(studio_url, token_file)
    found = studio.get(f"/jobs/{path_part(job_id_of(studio, job_id))}")
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
            help="File or directory, - for standard output. Without it, JSON is printed and a file "
            "is named by its job.",
            show_default=False,
        ),
    ] = None,
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the result of a finished job."""
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.fetching import check_output, fetch_result
    from studio_worker_studio.cli.idents import job_id_of, path_part

    check_output(output, as_json=as_json)
    studio = connect(studio_url, token_file)
    found = studio.get(f"/jobs/{path_part(job_id_of(studio, job_id))}")
    fetch_result(studio, found, output, as_json=as_json)


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


def delete(
    job_ids: Annotated[
        list[str], typer.Argument(metavar="JOB...", help="Ids, or their beginnings.")
    ],
    result_only: Annotated[
        bool, typer.Option("--result", help="Only the result; the job stays.")
    ] = False,
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Delete ended jobs with their results and log entries."""
    from studio_worker_core.terminal import print_json
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.idents import job_id_of, path_part

    studio = connect(studio_url, token_file)
    # All are looked up first: a name that is none deletes nothing of the others.
    wanted = [job_id_of(studio, typed) for typed in job_ids]
    for job_id in wanted:
        studio.delete(f"/jobs/{path_part(job_id)}{'/result' if result_only else ''}")
        if not as_json:
            typer.echo(f"{job_id} {'result ' if result_only else ''}deleted")
    if as_json:
        print_json([{"jobId": job_id, "status": "deleted"} for job_id in wanted])


def describe(job: dict[str, Any]) -> None:
    """A job as lines of names and values."""
    from studio_worker_core.foreign_text import printable
    from studio_worker_studio.cli.output import when

    typer.echo(f"job       {job['jobId']}")
    typer.echo(f"state     {job['state']}{' (asked to stop)' if job['cancelRequested'] else ''}")
    typer.echo(f"kind      {job['kind']}")
    typer.echo(f"model     {printable(job['model'])} (engine {job['engine']})")
    typer.echo(f"failures  {job['attempts']} of {job['maxAttempts']}")
    typer.echo(f"worker    {job.get('workerId', '-')}")
    typer.echo(f"queued    {when(job['createdAt'])}")
    typer.echo(f"finished  {when(job.get('finishedAt'))}")
    if "progress" in job:
        typer.echo(f"progress  {job['progress']['fraction']:.0%}")
    if "error" in job:
        typer.echo(f"error     {printable(job['error'])}")
    if "result" in job or "resultRemovedAt" in job:
        typer.echo(f"result    {_outcome(job)}")
    if "meta" in job:
        _describe_making(job["meta"])


def _describe_making(meta: dict[str, Any]) -> None:
    """How the result was made, as far as its worker told (protocol §3.1, ``meta``)."""
    from studio_worker_core.foreign_text import printable

    engine = " ".join(printable(meta[key]) for key in ("engine", "engineVersion") if key in meta)
    parts = [f"by {engine}"] if engine else []
    if "agentVersion" in meta:
        parts.append(f"studio-worker {printable(meta['agentVersion'])}")
    if "steps" in meta:
        parts.append(f"{meta['steps']} steps")
    if "width" in meta and "height" in meta:
        parts.append(f"{meta['width']}×{meta['height']}")
    if "seconds" in meta:
        parts.append(f"{meta['seconds']:.1f} s")
    if "seed" in meta:
        typer.echo(f"seed      {meta['seed']}")
    if parts:
        typer.echo(f"made      {', '.join(parts)}")


def _change(
    job_id: str, what: str, studio_url: str, token_file: Path | None, as_json: bool
) -> None:
    from studio_worker_core.terminal import print_json
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.idents import job_id_of, path_part

    studio = connect(studio_url, token_file)
    changed = studio.post(f"/jobs/{path_part(job_id_of(studio, job_id))}/{what}")
    if as_json:
        print_json(changed)
        return
    asked = ", its worker is asked to stop" if changed["cancelRequested"] else ""
    typer.echo(f"{changed['jobId']} {changed['state']}{asked}")


def _outcome(job: dict[str, Any]) -> str:
    from studio_worker_core.storage.disk import shown_bytes

    result = job.get("result")
    if not result:
        if "resultRemovedAt" in job:
            return "removed"
        progress = job.get("progress")
        return f"{progress['fraction']:.0%}" if progress else "-"
    return f"{result.get('ext', 'json')}, {shown_bytes(result['bytes'])}"
