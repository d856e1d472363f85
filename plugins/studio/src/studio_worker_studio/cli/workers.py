"""``studio workers``, ``pending``, ``approve``, ``reject``, ``logs``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from studio_worker_studio.cli.options import DEFAULT_URL, AsJson, StudioUrl, TokenFile

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (workers, pending, approve, reject, remove, logs):
        app.command()(command)


def workers(
    studio_url: StudioUrl = DEFAULT_URL, token_file: TokenFile = None, as_json: AsJson = False
) -> None:
    """The workers and what they do."""
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.output import print_json, print_table, when

    found = list(connect(studio_url, token_file).items("/workers", None))
    if as_json:
        print_json(found)
        return
    rows = [
        [
            worker["workerId"],
            worker["state"],
            worker["capabilities"]["machineName"],
            " ".join(worker["capabilities"]["taskKinds"]),
            worker["capabilities"]["agentVersion"],
            when(worker.get("lastHeartbeat")),
            worker.get("currentJobId", "-"),
        ]
        for worker in found
    ]
    headings = ["worker", "state", "machine", "kinds", "version", "last heartbeat", "job"]
    print_table(headings, rows, "no workers yet; see 'studio-worker studio pending'")


def pending(
    studio_url: StudioUrl = DEFAULT_URL, token_file: TokenFile = None, as_json: AsJson = False
) -> None:
    """Workers that ask to be let in."""
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.output import print_json, print_table, when

    found = list(connect(studio_url, token_file).items("/workers/pending", None))
    if as_json:
        print_json(found)
        return
    rows = [
        [
            request["requestId"],
            f"{request['capabilities']['username']}@{request['capabilities']['machineName']}",
            request["userAgent"],
            request["sourceAddress"],
            when(request["createdAt"]),
        ]
        for request in found
    ]
    print_table(["request", "who", "program", "from", "since"], rows, "nobody asks to be let in")


def approve(
    request_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[REQUEST]...", show_default=False)
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody who waits.")] = False,
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Let workers in."""
    from studio_worker_studio.cli.connection import connect

    studio = connect(studio_url, token_file)
    wanted = list(request_ids or ())
    if everybody:
        wanted += [request["requestId"] for request in studio.items("/workers/pending", None)]
    elif not wanted:
        raise typer.BadParameter("name a request, or say --all")
    _decide([studio.post(f"/workers/pending/{_plain(r)}/approve") for r in wanted], as_json)


def reject(
    request_id: Annotated[str, typer.Argument(metavar="REQUEST")],
    reason: Annotated[
        str | None, typer.Option(help="Told to the worker.", show_default=False)
    ] = None,
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Turn a worker down."""
    from studio_worker_studio.cli.connection import connect

    studio = connect(studio_url, token_file)
    body = {} if reason is None else {"reason": reason}
    _decide([studio.post(f"/workers/pending/{_plain(request_id)}/reject", body)], as_json)


def remove(
    worker_id: Annotated[str, typer.Argument(metavar="WORKER")],
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Strike a worker off; its jobs go to others."""
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.output import print_json

    connect(studio_url, token_file).delete(f"/workers/{_plain(worker_id)}")
    if as_json:
        print_json({"workerId": worker_id, "status": "deleted"})
    else:
        typer.echo(f"{worker_id} deleted")


def logs(
    job: Annotated[str | None, typer.Option(metavar="JOB", show_default=False)] = None,
    worker: Annotated[str | None, typer.Option(metavar="WORKER", show_default=False)] = None,
    after: Annotated[
        int | None, typer.Option(help="Only entries after this id.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1000,
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Log entries that workers shipped."""
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.output import print_json

    studio = connect(studio_url, token_file)
    found = list(studio.items("/logs", limit, after=after, jobId=job, workerId=worker))
    if as_json:
        print_json(found)
        return
    for entry in found:
        about = f" [{entry['jobId']}]" if entry.get("jobId") else ""
        typer.echo(
            f"{entry['ts']} {entry['level']:<7} {entry['workerId']}{about} "
            f"{entry['category']}: {entry['message']}"
        )


def _plain(ident: str) -> str:
    from urllib.parse import quote

    return quote(ident, safe="")


def _decide(answers: list[Any], as_json: bool) -> None:
    from studio_worker_studio.cli.output import print_json

    if as_json:
        print_json(answers)
        return
    for answer in answers:
        typer.echo(
            f"{answer['requestId']} {answer['status']} {answer.get('workerId', '')}".rstrip()
        )
