"""``jobs open``: the result of a job, where it still is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from studio_worker_core.cli.jobs.finding import JobName, found, journal_of

if TYPE_CHECKING:
    from studio_worker_core.journal.records import JobFacts


def open_result(
    ctx: typer.Context,
    job: JobName,
    only_print: Annotated[
        bool, typer.Option("--print", help="Write the path, and open nothing.")
    ] = False,
) -> None:
    """Open the result of a job, if it is still on this machine; elsewhere than on a terminal
    its path is written.

    A studio's result is here until it is delivered, a local one until its answer is sent.
    """
    from studio_worker_core.errors import JournalError
    from studio_worker_core.foreign_text import printable
    from studio_worker_core.terminal import is_terminal

    journal = journal_of(ctx)
    facts = found(journal, job)
    path = journal.result(facts)
    if path is None:
        raise JournalError(f"job {printable(facts.job_id)} {why_gone(facts)}")
    typer.echo(str(path))
    if is_terminal(sys.stdout) and not only_print:
        typer.launch(str(path))


def why_gone(facts: JobFacts) -> str:
    """Why there is no result of a job, continuing a sentence about it."""
    match facts.status:
        case "running":
            return "has no result yet"
        case "failed" | "stopped":
            return f"has no result: {facts.reason or 'the reason is not known'}"
    where = "it was delivered" if facts.delivery == "delivered" else "it went with its answer"
    return (
        f"has no result here any more: {where}; 'studio-worker jobs replay {facts.job_id} -o FILE' "
        "makes it again"
    )
