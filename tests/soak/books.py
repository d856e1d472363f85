"""Balancing the books of a soak: what was promised, what was delivered, what is left."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio_worker_core.storage.atomic import is_draft
from tests.soak.measure import Growth
from tests.soak.shelf import content
from tests.soak.stage import Stage
from tests.support.fault_answers import said_text

MAX_MEMORY_MB = 24.0
"""How much a worker or the studio may gain in the steady state: caches that fill."""
MAX_FILES = 8
MAX_THREADS = 8

_FINISHED = re.compile(r"finished job (job-\w+) in")
_LAPSED = re.compile(r"nobody vouches for job (job-\w+) any more")
_ACCEPTED = re.compile(r"accepted job (job-\w+):")
_TEMPORARY = ("*.part", "*.tmp", "*.upload", "*.partial")


class Books(Struct, frozen=True):
    """The outcome. ``faults`` is empty when everything adds up."""

    states: dict[str, int]
    finished: int
    """Results that workers put into an outbox."""
    done_twice: int
    """Jobs that were worked on to the end more than once; a fault, unless the first result was
    harmed or refused."""
    refused: int
    """Results kept by a worker because the studio would not have them."""
    faults: list[str]


def read_books(stage: Stage) -> Books:
    """Look at everything there is after the settling. The processes still run."""
    faults: list[str] = []
    jobs = {job_id: stage.operator.job(job_id) for job_id in stage.jobs}
    held = {str(job["jobId"]) for job in _all_jobs(stage)}
    faults += [f"the studio forgot job {job_id}" for job_id in jobs.keys() - held]
    for job_id, job in jobs.items():
        faults += [f"job {job_id}: {fault}" for fault in _faults_of(stage, job_id, job)]
    finished = _counted(_said_by_workers(stage), _FINISHED)
    kept = _kept(stage)
    faults += _faults_of_attempts(stage, jobs)
    twice = {job_id for job_id, count in finished.items() if count > 1}
    faults += [
        f"job {job_id} was worked on to the end {finished[job_id]} times"
        for job_id in sorted(twice - stage.harmed - kept)
    ]
    for job_id in finished:
        state = jobs[job_id]["state"] if job_id in jobs else "unknown"
        if state != "done" and job_id not in kept | stage.harmed:
            faults.append(f"the finished result of job {job_id} ({state}) was lost")
    faults += _leftovers(stage)
    faults += [f"ended by itself: {each}" for each in stage.ended_alone]
    faults += _tracebacks(stage)
    return Books(
        states=dict(Counter(str(job["state"]) for job in jobs.values())),
        finished=sum(finished.values()),
        done_twice=len(twice),
        refused=len(kept),
        faults=faults,
    )


def faults_of_growth(grown: list[Growth]) -> list[str]:
    """What grew beyond its margin."""
    return [
        f"{each.name} gained {value:.1f} {what} (margin {margin})"
        for each in grown
        for what, value, margin in (
            ("MiB", each.memory_mb, MAX_MEMORY_MB),
            ("open files", each.files, MAX_FILES),
            ("threads", each.threads, MAX_THREADS),
        )
        if value > margin
    ]


def _all_jobs(stage: Stage) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    after = ""
    while True:
        page = stage.operator.call("GET", f"/jobs?limit=200{after}")
        found += page["items"]
        if not page.get("next"):
            return found
        after = f"&after={page['next']}"


def _faults_of(stage: Stage, job_id: str, job: dict[str, Any]) -> list[str]:
    match job["state"]:
        case "done":
            return _faults_of_result(stage, job_id, job)
        case "failed" if not job.get("error"):
            return ["failed without a reason"]
        case "cancelled" if job_id not in stage.cancelled:
            return ["cancelled, and nobody asked for it"]
        case "failed" | "cancelled":
            return []
    return [f"is {job['state']} after the settling"]


def _faults_of_result(stage: Stage, job_id: str, job: dict[str, Any]) -> list[str]:
    plan = stage.jobs[job_id]
    if job_id in stage.versions:
        return _faults_of_version(stage.versions[job_id], job)
    promised = msgspec.convert(job["result"], dict)
    result = stage.operator.result(job_id)
    if not isinstance(result, bytes):
        return [] if plan.kind in ("llm", "audio_stt") else ["a file job has a JSON result"]
    if hashlib.sha256(result).hexdigest() != promised["sha256"]:
        return ["its result is not what its digest says"]
    if len(result) < plan.least_bytes:
        return [f"its result has {len(result)} bytes, less than {plan.least_bytes}"]
    return []


def _faults_of_version(version: int, job: dict[str, Any]) -> list[str]:
    answer, wanted = job["result"].get("json"), content(version).decode()
    told = said_text(answer) if answer else None
    return [] if told == wanted else [f"answered {told}, and not {wanted}"]


def _faults_of_attempts(stage: Stage, jobs: dict[str, dict[str, Any]]) -> list[str]:
    """A failure is of a job that was accepted, or of an offer whose session ended before an
    answer (protocol §5); never more of them than the job has attempts."""
    accepted = _counted(_said_by_workers(stage), _ACCEPTED)
    lapsed = _counted(stage.studio.lines, _LAPSED)
    silences = sum("sent no heartbeat in time" in line for line in stage.studio.lines)
    faults = []
    for job_id, plan in stage.jobs.items():
        attempts = jobs[job_id]["attempts"]
        told = f"job {job_id} counts {attempts} failures"
        if attempts > plan.max_attempts:
            faults.append(f"{told} of at most {plan.max_attempts}")
        if attempts > accepted[job_id] + lapsed[job_id] + silences:
            faults.append(f"{told}; {accepted[job_id]} times accepted, {lapsed[job_id]} lapsed")
    return faults


def _said_by_workers(stage: Stage) -> Iterator[str]:
    return (line for worker in stage.workers for line in worker.lines)


def _counted(lines: Iterable[str], pattern: re.Pattern[str]) -> Counter[str]:
    """How often it was said of each job."""
    return Counter(found[1] for line in lines if (found := pattern.search(line)))


def _kept(stage: Stage) -> set[str]:
    """Jobs whose results a worker still has, waiting or refused."""
    manifests = (
        path
        for worker in stage.workers
        for room in ("jobs", "refused")
        for path in worker.outbox.glob(f"{room}/*/manifest.json")
    )
    return {str(msgspec.json.decode(path.read_bytes())["job"]) for path in manifests}


def _leftovers(stage: Stage) -> list[str]:
    faults = []
    for worker in stage.workers:
        root = worker.config.parent
        faults += [f"left in an outbox: {path}" for path in worker.outbox.glob("jobs/*")]
        faults += [
            f"set aside as corrupt: {path}"
            for path in worker.outbox.glob("corrupt/*")
            if path.name.rpartition("-")[0] not in stage.harmed
        ]
        # Elsewhere a draft goes at the next write of its file.
        faults += [
            f"left by a worker: {path}"
            for path in _temporary(root)
            if worker.outbox in path.parents or not is_draft(path.name)
        ]
    return faults + [f"left by the studio: {path}" for path in _temporary(stage.studio.data)]


def _temporary(root: Path) -> list[Path]:
    found = [path for pattern in _TEMPORARY for path in root.rglob(pattern)]
    return [*found, *root.rglob("scratch")]


def _tracebacks(stage: Stage) -> list[str]:
    faults = []
    for process in (stage.studio, *stage.workers):
        lines = process.lines
        for number, line in enumerate(lines):
            if line.startswith("Traceback"):
                end = number + 1
                while end < len(lines) - 1 and lines[end].startswith(" "):
                    end += 1
                shown = "\n".join(
                    [*lines[max(number - 2, 0) : number + 3], *lines[end - 12 : end + 1]]
                )
                faults.append(f"a traceback of the {process.name}:\n{shown}")
    return faults
