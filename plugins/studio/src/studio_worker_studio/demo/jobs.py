"""Queueing the planned jobs, waiting for each, saving and checking what came back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from studio_worker_core.errors import StudioWorkerError, WireError
from studio_worker_core.plugin import TaskKind
from studio_worker_studio.demo.output import OutputDirectory
from studio_worker_studio.demo.plan import DemoJob
from studio_worker_studio.demo.stage import Stage
from studio_worker_studio.demo.verify import verify

_ENDED = ("done", "failed", "cancelled")
_JOB_SECONDS = 60.0
"""Longest wait for the next result before the demo gives up on a job."""


class _Result(Struct, frozen=True):
    """A result as the studio tells of it (protocol §6); JSON answers have no ``ext``."""

    sha256: str
    ext: str | None = None


class _Job(Struct, frozen=True, rename="camel"):
    """What the demo wants to know of a job (protocol §6)."""

    job_id: str
    state: str
    error: str | None = None
    claimed_at: datetime | None = None
    finished_at: datetime | None = None
    result: _Result | None = None

    @property
    def seconds(self) -> float | None:
        """From the claim to the finished result, where the studio tells."""
        if self.claimed_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.claimed_at).total_seconds()


class DemoResult(Struct, frozen=True, kw_only=True):
    """How one job ended."""

    job: DemoJob
    job_id: str
    seconds: float
    file: Path | None = None
    facts: str = ""
    """What was found in the file."""
    problem: str | None = None
    """Why it is not right; None when it is."""


def run_jobs(
    stage: Stage, jobs: Sequence[DemoJob], out: OutputDirectory, tell: Callable[[DemoResult], None]
) -> list[DemoResult]:
    """Run ``jobs`` in order and save their results in ``out``.

    All jobs that need no other's result are queued at once; the rest as soon as theirs is
    there. ``tell`` hears of each outcome as it comes.
    """
    outcomes: list[DemoResult] = []
    first = [(job, _submit(stage, _request(job))) for job in jobs if job.needs is None]
    for outcome in _collect(stage, first, out):
        outcomes.append(outcome)
        tell(outcome)
    later = [(job, _submit_later(stage, job, outcomes)) for job in jobs if job.needs is not None]
    for outcome in _collect(stage, [(j, i) for j, i in later if i], out):
        outcomes.append(outcome)
        tell(outcome)
    for job, job_id in later:
        if not job_id:
            lost = DemoResult(
                job=job, job_id="", seconds=0, problem=f"no {job.needs} result to use"
            )
            outcomes.append(lost)
            tell(lost)
    return outcomes


def _collect(
    stage: Stage, queued: Sequence[tuple[DemoJob, str]], out: OutputDirectory
) -> Iterator[DemoResult]:
    """Outcomes in the order the jobs were queued: the studio hands them out in that order."""
    since = time.monotonic()
    patience = _JOB_SECONDS
    for job, job_id in queued:
        view = _wait(stage, job_id, patience)
        if view.state not in _ENDED:
            # Whatever blocks this one blocks those behind it: they are only looked at.
            patience = 0.0
        now = time.monotonic()
        yield _outcome(stage, job, view, out, seconds=view.seconds or now - since)
        since = now


def _wait(stage: Stage, job_id: str, patience: float) -> _Job:
    deadline = time.monotonic() + patience
    while True:
        view = _job(stage, job_id)
        if view.state in _ENDED or time.monotonic() >= deadline:
            return view
        stage.wait()


def _job(stage: Stage, job_id: str) -> _Job:
    answer = stage.api.request("GET", f"/jobs/{job_id}")
    try:
        return msgspec.json.decode(answer.content, type=_Job)
    except msgspec.MsgspecError as error:
        raise WireError("job", str(error)) from None


def _save(stage: Stage, view: _Job, path: Path) -> None:
    if view.result is None:
        raise StudioWorkerError("the studio has no result of it")
    with path.open("wb") as file:
        stage.api.download(f"/jobs/{view.job_id}/result", file, view.result.sha256)


def _outcome(
    stage: Stage, job: DemoJob, view: _Job, out: OutputDirectory, *, seconds: float
) -> DemoResult:
    if view.state != "done":
        late = f"still {view.state}; given up after {_JOB_SECONDS:g} s without a result"
        said = view.error or (view.state if view.state in _ENDED else late)
        return DemoResult(job=job, job_id=view.job_id, seconds=seconds, problem=said)
    # The studio's word for the type is not trusted with a path.
    ext = (view.result.ext if view.result else None) or "json"
    ext = "".join(filter(str.isalnum, ext.lower()))[:16] or "bin"
    name = out.names(job.name, ext)
    file = out.path / name
    try:
        with out.writing(name) as draft:
            _save(stage, view, draft)
        facts = verify(job, file)
        problem = _unlike_asked(job, file)
    except StudioWorkerError as error:
        facts, problem = "", str(error)
    return DemoResult(
        job=job, job_id=view.job_id, seconds=seconds, file=file, facts=facts, problem=problem
    )


def _unlike_asked(job: DemoJob, file: Path) -> str | None:
    made = file.suffix.lstrip(".")
    if job.ext is not None and job.ext != made:
        return f"asked for {job.ext}, which its plugin declares, but got {made}"
    return None


def _submit(stage: Stage, request: dict[str, object]) -> str:
    return str(stage.api.post("/jobs", request)["jobId"])


def _request(job: DemoJob, **more: str) -> dict[str, object]:
    return {
        "model": job.model,
        "task": {**job.task, **more},
        "modelSource": {"engine": job.engine, "files": [], "cliDefaults": {}},
        "gameId": "demo",
        "assetName": f"demo/{job.kind.value}/{job.name}",
    }


def _submit_later(stage: Stage, job: DemoJob, outcomes: Sequence[DemoResult]) -> str:
    """Queue a job that starts from an earlier result; empty when there is none."""
    source = _source(job, outcomes)
    if source is None:
        return ""
    return _submit(stage, _request(job, **{job.needs_field: stage.inputs.offer(source)}))


def _source(job: DemoJob, outcomes: Sequence[DemoResult]) -> Path | None:
    """An earlier, correct result of the needed kind, best one that every decoder reads."""
    plain = {TaskKind.IMAGE: ".png", TaskKind.AUDIO_TTS: ".wav"}.get(job.needs or job.kind)
    files = [
        (o.job.engine != "synthetic", o.file.suffix == plain, o.file)
        for o in outcomes
        if o.problem is None and o.file is not None and o.job.kind is job.needs
    ]
    return max(files, key=lambda item: item[:2])[2] if files else None
