"""``jobs list``, ``jobs show`` and ``jobs log``."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio_worker_core.cli.jobs.finding import AsJson, JobName, found, journal_of

if TYPE_CHECKING:
    from studio_worker_core.journal.records import JobFacts

_STYLES = {"failed": "red", "stopped": "yellow", "running": "green"}
_SHOWN_PROMPT = 60


class _Source(StrEnum):
    STUDIO = "studio"
    LOCAL = "local"


class _Status(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"


def list_jobs(
    ctx: typer.Context,
    source: Annotated[
        _Source | None, typer.Option(help="Only jobs of a studio, or of this machine.")
    ] = None,
    status: Annotated[_Status | None, typer.Option(help="Only jobs in that state.")] = None,
    search: Annotated[str, typer.Option(help="Only with this in id, model or prompt.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many.")] = 20,
    before: Annotated[
        str | None, typer.Option(metavar="JOB", help="Only jobs older than this one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the jobs that this worker did, the newest first."""
    from studio_worker_core.foreign_text import printable
    from studio_worker_core.journal.records import JobQuery
    from studio_worker_core.terminal import print_json, print_table

    journal = journal_of(ctx)
    query = JobQuery(
        source=source.value if source is not None else None,
        status=status.value if status is not None else None,
        text=search,
        before=found(journal, before).number if before is not None else None,
        limit=limit,
    )
    jobs = journal.page(query)
    if as_json:
        print_json([_as_object(facts) for facts in jobs])
        return
    if not jobs:
        typer.echo("no jobs")
        return
    rows = [
        [
            printable(facts.job_id),
            facts.status,
            facts.source,
            facts.kind,
            facts.model,
            _moment(facts.started or facts.accepted),
            _took(facts),
            _one_line(facts.reason or facts.prompt),
        ]
        for facts in jobs
    ]
    print_table(
        ["job", "state", "from", "kind", "model", "began (UTC)", "took", "prompt or reason"],
        rows,
        styles=[_STYLES.get(facts.status) for facts in jobs],
    )


def show(ctx: typer.Context, job: JobName, as_json: AsJson = False) -> None:
    """Show all that is known about one job."""
    from studio_worker_core.foreign_text import printable
    from studio_worker_core.terminal import print_json

    journal = journal_of(ctx)
    facts = found(journal, job)
    recipe = journal.recipe(facts)
    shown = _as_object(facts)
    result = journal.result(facts)
    shown["file"] = None if result is None else str(result)
    if as_json:
        print_json({**shown, "task": recipe and recipe.task, "modelSource": _source_of(recipe)})
        return
    shown["inputs"] = ", ".join(f"{name} {digest}" for name, digest in facts.inputs.items())
    if facts.peak_bytes is not None:
        shown["peakBytes"] = f"{facts.peak_bytes} ({facts.peak_bytes / 2**20:.0f} MiB)"
    told = {
        name: "yes" if value is True else str(value)
        for name, value in shown.items()
        if value not in (None, "", 0, False) or (name == "seed" and value == 0)
    }
    width = max(map(len, told))
    for name, text in told.items():
        typer.echo(f"{name.ljust(width)}  {printable(text)}")


def log(ctx: typer.Context, job: JobName, as_json: AsJson = False) -> None:
    """Show what a job logged: the newest 400 lines, in UTC."""
    from studio_worker_core.foreign_text import printable
    from studio_worker_core.terminal import print_json
    from studio_worker_core.wire.timestamps import timestamp

    journal = journal_of(ctx)
    found_log = journal.log(found(journal, job))
    if as_json:
        lines = [
            {
                "ts": timestamp(line.ts),
                "level": line.level,
                "target": line.target,
                "message": line.message,
            }
            for line in found_log.lines
        ]
        print_json({"lines": lines, "dropped": found_log.dropped})
        return
    if found_log.dropped:
        typer.echo(f"({found_log.dropped} older lines are not kept)", err=True)
    for line in found_log.lines:
        first, *others = line.message.split("\n")
        typer.echo(f"{timestamp(line.ts)} {line.level:<5} {printable(first)}")
        for other in others:
            typer.echo(f"  {printable(other)}")


def _as_object(facts: JobFacts) -> dict[str, Any]:
    from studio_worker_core.wire.timestamps import timestamp

    def when(seconds: float | None) -> str | None:
        return None if seconds is None else timestamp(seconds)

    return {
        "jobId": facts.job_id,
        "source": facts.source,
        "status": facts.status,
        "reason": facts.reason,
        "kind": facts.kind,
        "engine": facts.engine,
        "engineVersion": facts.engine_version,
        "workerVersion": facts.worker_version,
        "model": facts.model,
        "prompt": facts.prompt,
        "seed": facts.seed,
        "steps": facts.steps,
        "width": facts.width,
        "height": facts.height,
        "acceptedAt": when(facts.accepted),
        "startedAt": when(facts.started),
        "finishedAt": when(facts.finished),
        "engineSeconds": facts.engine_seconds,
        "peakBytes": facts.peak_bytes,
        "ext": facts.ext,
        "bytes": facts.bytes,
        "sha256": facts.sha256,
        "inputs": facts.inputs,
        "delivery": facts.delivery,
        "deliveryReason": facts.delivery_reason,
        "hasThumbnail": facts.has_thumbnail,
        "logLines": facts.lines,
    }


def _source_of(recipe: Any) -> Any:
    return recipe.model_source if recipe is not None else None


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _took(facts: JobFacts) -> str:
    if facts.started is None or facts.finished is None:
        return ""
    return f"{max(facts.finished - facts.started, 0.0):.1f} s"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_PROMPT else f"{line[:_SHOWN_PROMPT]}…"
