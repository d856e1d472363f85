"""Waiting for a job and bringing its result home."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import typer

from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.foreign_text import printable
from studio_worker_core.storage.atomic import replacing
from studio_worker_core.storage.disk import shown_bytes
from studio_worker_core.terminal import print_json
from studio_worker_studio.cli.output import on_terminal
from studio_worker_studio.client import OperatorClient

_POLL_SECONDS = 0.25
_PATIENCE_SECONDS = 3.0
"""After this long in the queue it is said why."""
_STANDARD_OUTPUT = Path("-")
_ENDED = ("done", "failed", "cancelled")


class _Show(Protocol):
    def __call__(self, text: str, fraction: float | None) -> None: ...


def check_output(output: Path | None, *, as_json: bool) -> None:
    """
    Raises:
        typer.BadParameter: standard output is wanted for two things.
    """
    if as_json and output == _STANDARD_OUTPUT:
        raise typer.BadParameter("'-o -' and --json both want standard output; drop one of them")


def wait_for(studio: OperatorClient, job_id: str, *, quiet: bool = False) -> dict[str, Any]:
    """The job once it has ended; what it does is shown meanwhile, and why it waits."""
    told_at: float | None = time.monotonic() + _PATIENCE_SECONDS
    with _progress(quiet) as show:
        while True:
            job: dict[str, Any] = studio.get(f"/jobs/{job_id}")
            if job["state"] in _ENDED:
                return job
            if told_at is not None and job["state"] == "queued" and time.monotonic() > told_at:
                typer.echo(f"{job_id} waits: {why_it_waits(studio, job)}", err=True)
                told_at = None
            progress = job.get("progress", {})
            doing = printable(progress.get("message") or job["state"])
            show(f"{job_id} {doing}", progress.get("fraction"))
            time.sleep(_POLL_SECONDS)


def fetch_result(
    studio: OperatorClient, job: dict[str, Any], output: Path | None, *, as_json: bool
) -> None:
    """Print or save the result of ``job``.

    Raises:
        StudioWorkerError: the job is not done, or the bytes are not those it names.
        OSError: the file cannot be written.
    """
    result = job.get("result")
    if not result:
        if "resultRemovedAt" in job:
            raise StudioWorkerError(f"the result of job {job['jobId']} was removed")
        reason = f": {printable(job['error'])}" if "error" in job else ""
        raise StudioWorkerError(f"job {job['jobId']} is {job['state']}{reason}; it has no result")
    address = f"/jobs/{job['jobId']}/result"
    if output == _STANDARD_OUTPUT:
        sys.stdout.flush()
        studio.download(address, sys.stdout.buffer, result["sha256"])
        return
    path = _destination(output, job["jobId"], result.get("ext", "json"))
    if "ext" not in result and path is None:
        print_json(studio.get(address))
        return
    path = path or Path(f"{job['jobId']}.{result['ext']}")
    _download(studio, address, path, result["sha256"])
    if as_json:
        print_json({"jobId": job["jobId"], "path": str(path), "result": result})
    else:
        typer.echo(f"{path} ({shown_bytes(result['bytes'])}{seed_of(job)})")
    if path.suffix.removeprefix(".").lower() != result.get("ext", "json"):
        typer.echo(f"{path} is {result.get('ext', 'json')}, whatever its name says", err=True)


def seed_of(job: dict[str, Any]) -> str:
    """``, seed 7`` of a picture whose worker told how it was made."""
    seed = job.get("meta", {}).get("seed")
    return "" if seed is None else f", seed {seed}"


def why_it_waits(studio: OperatorClient, job: dict[str, Any]) -> str:
    """Who could take a queued job, and why nobody has."""
    connected = [w for w in studio.items("/workers", None) if w["state"] != "offline"]
    if not connected:
        return "no worker is connected"
    able = [w for w in connected if job["kind"] in w["capabilities"]["taskKinds"]]
    if not able:
        return f"no connected worker does {job['kind']} jobs"
    return "; ".join(f"worker {w['workerId']} is {w['state']}" for w in able[:5])


def _destination(output: Path | None, job_id: str, ext: str) -> Path | None:
    if output is None:
        return None
    output = output.expanduser()
    return output / f"{job_id}.{ext}" if output.is_dir() else output


def _download(studio: OperatorClient, address: str, target: Path, sha256: str) -> None:
    """Whole or not at all, but straight into what is no file: a device or a pipe stays one."""
    target = target.resolve()
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            studio.download(address, file, sha256)
        return
    with replacing(target, sync=False) as file:
        studio.download(address, file, sha256)


@contextmanager
def _progress(quiet: bool) -> Iterator[_Show]:
    if quiet or not on_terminal():
        yield lambda text, fraction: None  # noqa: ARG005 - nobody watches
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
    )
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task("", total=None)

        def show(text: str, fraction: float | None) -> None:
            progress.update(
                task,
                description=text,
                completed=fraction or 0.0,
                total=None if fraction is None else 1.0,
            )

        yield show
