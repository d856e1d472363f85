"""``studio workers``, ``pending``, ``approve``, ``reject``, ``remove``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from studio_worker_studio.cli.options import DEFAULT_URL, AsJson, StudioUrl, TokenFile


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (workers, pending, approve, reject, remove):
        app.command()(command)


def workers(
    studio_url: StudioUrl = DEFAULT_URL, token_file: TokenFile = None, as_json: AsJson = False
) -> None:
    """The workers and what they do."""
    from studio_worker_core.terminal import print_json
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.output import print_table, when

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
    from studio_worker_core.terminal import print_json
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.output import print_table, when

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
    from studio_worker_studio.cli.idents import path_part, request_id_of

    if not (everybody or request_ids):
        raise typer.BadParameter("name a request, or say --all")
    studio = connect(studio_url, token_file)
    wanted = [request_id_of(studio, typed) for typed in request_ids or ()]
    if everybody:
        wanted += [request["requestId"] for request in studio.items("/workers/pending", None)]
    wanted = list(dict.fromkeys(wanted))
    _decide([studio.post(f"/workers/pending/{path_part(r)}/approve") for r in wanted], as_json)
    if not wanted:
        typer.echo("nobody asks to be let in", err=True)


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
    from studio_worker_studio.cli.idents import path_part, request_id_of

    studio = connect(studio_url, token_file)
    ident = path_part(request_id_of(studio, request_id))
    body = {} if reason is None else {"reason": reason}
    _decide([studio.post(f"/workers/pending/{ident}/reject", body)], as_json)


def remove(
    worker_id: Annotated[str, typer.Argument(metavar="WORKER")],
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Strike a worker off; its jobs go to others."""
    from studio_worker_core.terminal import print_json
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.idents import path_part, worker_id_of

    studio = connect(studio_url, token_file)
    worker_id = worker_id_of(studio, worker_id)
    studio.delete(f"/workers/{path_part(worker_id)}")
    if as_json:
        print_json({"workerId": worker_id, "status": "deleted"})
    else:
        typer.echo(f"{worker_id} deleted")


def _decide(answers: list[Any], as_json: bool) -> None:
    from studio_worker_core.terminal import print_json

    if as_json:
        print_json(answers)
        return
    for answer in answers:
        typer.echo(
            f"{answer['requestId']} {answer['status']} {answer.get('workerId', '')}".rstrip()
        )
