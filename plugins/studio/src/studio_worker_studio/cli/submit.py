"""``studio submit``: from options to a job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from studio_worker_studio.cli.options import DEFAULT_URL, AsJson, StudioUrl, TokenFile
from studio_worker_studio.cli.submit_options import (
    EngineName,
    EngineOptions,
    IdempotencyKey,
    InputFile,
    Kind,
    MaskFile,
    MaxAttempts,
    ModelName,
    ModelSourceFile,
    OutputFile,
    Priority,
    VramGb,
    Wait,
    WholeTask,
)
from studio_worker_studio.cli.task_options import (
    engine_options,
    json_of,
    task_from,
    wished_by,
    with_task_options,
)

if TYPE_CHECKING:
    from studio_worker_studio.client import OperatorClient


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(submit)


@with_task_options
def submit(
    model: ModelName,
    kind: Kind = None,
    input_file: InputFile = None,
    mask: MaskFile = None,
    param: EngineOptions = None,
    task: WholeTask = None,
    engine: EngineName = None,
    model_source: ModelSourceFile = None,
    vram: VramGb = None,
    priority: Priority = 0,
    max_attempts: MaxAttempts = 3,
    wait: Wait = False,
    output: OutputFile = None,
    idempotency_key: IdempotencyKey = None,
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Queue a job. With --wait the exit code says whether it was done."""
    from studio_worker_core.errors import TransportError
    from studio_worker_core.terminal import print_json
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.fetching import check_output

    if not task:
        given = wished_by(output, kind) | given
    given |= _files_of(kind, input_file, mask, given)
    if param:
        given["options"] = engine_options(param)
    body: dict[str, Any] = {
        "model": model,
        "task": task_from(kind, given, task),
        "priority": priority,
        "maxAttempts": max_attempts,
        "modelSource": _source(engine, model_source),
        "vramGbEstimate": vram,
    }
    body = {key: value for key, value in body.items() if value is not None}
    check_output(output, as_json=as_json)
    studio = connect(studio_url, token_file)
    headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
    job_id = studio.post("/jobs", body, headers=headers)["jobId"]
    if not (wait or output):
        print_json({"jobId": job_id}) if as_json else typer.echo(job_id)
        return
    try:
        _see_through(studio, job_id, output, as_json=as_json)
    except (KeyboardInterrupt, TransportError):
        typer.echo(
            f"{job_id} stays with the studio: 'studio-worker studio job {job_id}' shows it, "
            f"'studio-worker studio cancel {job_id}' withdraws it",
            err=True,
        )
        raise


def _see_through(
    studio: OperatorClient, job_id: str, output: Path | None, *, as_json: bool
) -> None:
    from studio_worker_core.errors import StudioWorkerError
    from studio_worker_core.foreign_text import printable
    from studio_worker_core.terminal import print_json
    from studio_worker_studio.cli.fetching import fetch_result, seed_of, wait_for

    job = wait_for(studio, job_id, quiet=as_json)
    if job["state"] != "done":
        raise StudioWorkerError(
            f"job {job_id} {job['state']}: {printable(job.get('error', 'no reason given'))}"
        )
    if output is not None:
        fetch_result(studio, job, output, as_json=as_json)
    elif as_json:
        print_json(job)
    else:
        typer.echo(
            f"{job_id} done{seed_of(job)}; 'studio-worker studio result {job_id}' fetches it"
        )


def _files_of(
    kind: str | None, input_file: Path | None, mask: Path | None, given: dict[str, Any]
) -> dict[str, Any]:
    """The parts of the task that are files of this machine."""
    from studio_worker_studio.cli.task_files import data_url_of, with_input

    files: dict[str, Any] = {}
    if input_file is not None:
        files |= with_input(kind, input_file)
    if mask is not None:
        files["maskUrl"] = data_url_of(mask, "--mask", "image")
    if twice := sorted(files.keys() & given.keys()):
        raise typer.BadParameter(f"{', '.join(twice)}: give a file or an address, not both")
    return files


def _source(engine: str | None, file: Path | None) -> dict[str, Any] | None:
    if file is not None:
        return json_of(f"@{file}", "--model-source")
    return None if engine is None else {"engine": engine, "files": []}
