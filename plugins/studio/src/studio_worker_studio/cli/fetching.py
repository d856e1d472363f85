"""Waiting for a job and bringing its result home."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import requests
import typer

from studio_worker_core.errors import StudioWorkerError, TransportError
from studio_worker_studio.cli.connection import Connection
from studio_worker_studio.cli.output import on_terminal, print_json, size

__all__ = ["fetch_result", "wait_for", "why_it_waits"]

_POLL_SECONDS = 0.25
_PATIENCE_SECONDS = 3.0
"""After this long in the queue it is said why."""
_ENDED = ("done", "failed", "cancelled")


class _Show(Protocol):
    def __call__(self, text: str, fraction: float | None) -> None: ...


def wait_for(studio: Connection, job_id: str, *, quiet: bool = False) -> dict[str, Any]:
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
            show(f"{job_id} {progress.get('message') or job['state']}", progress.get("fraction"))
            time.sleep(_POLL_SECONDS)


def fetch_result(
    studio: Connection, job: dict[str, Any], output: Path | None, *, as_json: bool
) -> None:
    """Print or save the result of ``job``.

    Raises:
        StudioWorkerError: the job is not done, or the bytes are not those it names.
        OSError: the file cannot be written.
    """
    result = job.get("result")
    if not result:
        reason = f": {job['error']}" if "error" in job else ""
        raise StudioWorkerError(f"job {job['jobId']} is {job['state']}{reason}; it has no result")
    path = _destination(output, job["jobId"], result.get("ext", "json"))
    if "ext" not in result and path is None:
        print_json(studio.get(f"/jobs/{job['jobId']}/result"))
        return
    path = path or Path(f"{job['jobId']}.{result['ext']}")
    _download(studio, f"/jobs/{job['jobId']}/result", path, result["sha256"])
    if as_json:
        print_json({"jobId": job["jobId"], "path": str(path), "result": result})
    else:
        typer.echo(f"{path} ({size(result['bytes'])})")
    if path.suffix.removeprefix(".").lower() != result.get("ext", "json"):
        typer.echo(f"{path} is {result.get('ext', 'json')}, whatever its name says", err=True)


def why_it_waits(studio: Connection, job: dict[str, Any]) -> str:
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


def _download(studio: Connection, path: str, target: Path, sha256: str) -> None:
    digest = hashlib.sha256()
    part = target.with_name(target.name + ".part")
    try:
        with studio.stream(path) as answer, part.open("wb") as file:
            for piece in answer.iter_content(1024 * 1024):
                digest.update(piece)
                file.write(piece)
        if digest.hexdigest() != sha256:
            raise StudioWorkerError(f"{path}: the bytes that came are not the ones of the job")
        part.replace(target)
    except requests.RequestException as error:
        raise TransportError(f"GET {path}", f"the download broke off ({error})") from None
    finally:
        part.unlink(missing_ok=True)


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
