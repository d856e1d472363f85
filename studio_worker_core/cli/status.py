"""``studio-worker status``: what this worker is to the studio and what it is doing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from studio_worker_core import __version__
from studio_worker_core.cli.identity import sendable_under
from studio_worker_core.cli.installed import installed_engines
from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.errors import AlreadyRunning
from studio_worker_core.foreign_text import printable
from studio_worker_core.host.lock import InstanceLock, pid_path
from studio_worker_core.outbox import Outbox
from studio_worker_core.registration import (
    Approved,
    Pending,
    Rejected,
    identities,
    identity_at,
    same_studio,
    standing_of,
)
from studio_worker_core.terminal import print_json
from studio_worker_core.worker.run_state import is_paused
from studio_worker_core.worker.status_file import WorkerReport, read_report

app = typer.Typer(rich_markup_mode=None)


@app.command()
def status(
    ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False
) -> None:
    """Show registration, a running worker, results waiting for delivery, and engines."""
    store = ConfigStore(invocation_of(ctx).config_path)
    found = _gather(store)
    if as_json:
        print_json(found)
    else:
        for label, text in _in_words(found):
            typer.echo(f"{label + ':':<14}{printable(text)}")


def running_worker(lock_path: Path) -> int | None:
    """Process id of the worker that runs on this config directory, None when none does."""
    try:
        pid = int(pid_path(lock_path).read_text("ascii"))
    except (OSError, ValueError):
        return None
    # A process id left by a worker that ended may be another program's by now, so the lock
    # itself decides. It is tried only then: a worker just starting must find it free.
    import psutil  # only where there may be one

    if not psutil.pid_exists(pid):
        return None
    try:
        with InstanceLock(lock_path):
            return None
    except AlreadyRunning as error:
        return error.pid or pid


def _gather(store: ConfigStore) -> dict[str, Any]:
    config = store.config
    outbox = Outbox(store.outbox_root, lambda: config.outbox)
    waiting = outbox.pending()
    pending = list(filter(sendable_under(config), waiting))
    roster = installed_engines(store)
    pid = running_worker(store.lock_path)
    paused = None if pid is None else is_paused(store.lock_path, pid)
    report = None if pid is None else read_report(store.lock_path, pid)
    return {
        "version": __version__,
        "config": str(store.path),
        "config_exists": store.path.exists(),
        "studio_url": config.api_base_url,
        "registration": _registration(config),
        "worker_id": identity_at(config.api_base_url, config).worker_id,
        "running": {"pid": pid} if pid is not None else None,
        "paused": config.paused if paused is None else paused,
        **_activity(report),
        "vram_threshold_gb": config.vram_threshold_gb,
        "outbox": {
            "pending": len(pending),
            "pending_bytes": sum(entry.manifest.bytes for entry in pending),
            "refused": len(outbox.refused()),
            "other_identity": len(waiting) - len(pending),
        },
        "engines": {
            "ready": [entry.engine for entry in roster.entries if entry.ready],
            "not_ready": [
                {"engine": entry.engine, "state": entry.state, "reason": entry.reason}
                for entry in roster.entries
                if entry.state != "ready"
            ],
        },
    }


def _activity(report: WorkerReport | None) -> dict[str, Any]:
    """What the running worker says of its session with the studio and of its jobs."""
    if report is None:
        return {"session": None, "job": None, "jobs": [], "not_taking": None}
    session = {
        "state": report.state,
        "since": _second(report.since),
        "detail": report.detail,
        "studio_url": report.studio_url,
        "worker_id": report.worker_id,
    }
    # A worker of an earlier version names one alone.
    told = report.jobs or tuple(filter(None, [report.job]))
    jobs = [msgspec.to_builtins(job) | {"since": _second(job.since)} for job in told]
    oldest = next(iter(jobs), None)
    return {"session": session, "job": oldest, "jobs": jobs, "not_taking": report.not_taking}


def _second(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _session_in_words(session: dict[str, Any]) -> str:
    state, detail, since = session["state"], session["detail"], f"since {session['since']}"
    match state:
        case "registering":
            return f"{detail or state} to let this worker in"
        case "pending":
            return f"waiting for {detail or 'approval'} {since}"
        case "waiting":
            return f"not connected; trying again after {detail}"
        case "refused":
            return f"refused {since}: {detail}"
        case _:
            return f"{state} {since}" + (f" ({detail})" if detail else "")


def _job_in_words(job: dict[str, Any]) -> str:
    done = f"{100 * job['fraction']:.0f} %"
    return (
        f"{job['job_id']}: {job['kind']} with {job['model']} on {job['engine']}, {done}, "
        f"since {job['since']}"
    )


def _registration(config: Config) -> dict[str, Any]:
    """What this worker is to the configured studio, and at which others it is registered."""
    base_url = config.api_base_url
    identity = identity_at(base_url, config)
    elsewhere = [
        {"studio_url": address, "worker_id": other.worker_id}
        for address, other in identities(config)
        if not same_studio(address, base_url) and other.auth_token is not None
    ]
    found: dict[str, Any] = {"elsewhere": elsewhere} if elsewhere else {}
    match standing_of(identity, datetime.now(UTC)):
        case Approved():
            return {"state": "approved", **found}
        case Pending(request_id=request_id):
            since = {"since": identity.requested_at} if identity.requested_at else {}
            return {"state": "pending", "request_id": request_id, **since, **found}
        case Rejected(reason=reason):
            return {"state": "rejected", "reason": reason, **found}
        case _:
            return {"state": "not registered", **found}


def _registration_in_words(registration: dict[str, Any], found: dict[str, Any]) -> str:
    match registration["state"]:
        case "approved":
            words = f"approved as {found['worker_id']}"
        case "pending":
            since = f" since {registration['since']}" if "since" in registration else ""
            words = (
                f"request {registration['request_id']} waits for the studio's operator{since}; "
                "it is approved on the studio's workers page, or with "
                f"'studio-worker studio approve {registration['request_id']}'"
            )
        case "rejected":
            why = f": {registration['reason']}" if registration["reason"] else ""
            words = f"rejected{why}; 'studio-worker register --reset' asks again"
        case other:
            words = str(other)
    elsewhere = ", ".join(
        f"{other['studio_url']} as {other['worker_id']}"
        for other in registration.get("elsewhere", ())
    )
    return f"{words} (and registered at {elsewhere})" if elsewhere else words


def _activity_in_words(found: dict[str, Any]) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    if found["session"] is not None:
        lines.append(("session", _session_in_words(found["session"])))
    lines += [("job", _job_in_words(job)) for job in found["jobs"]]
    if found["not_taking"] is not None and not found["paused"]:
        lines.append(("no offers", found["not_taking"]))
    return lines


def _in_words(found: dict[str, Any]) -> list[tuple[str, str]]:
    registration, running, outbox = found["registration"], found["running"], found["outbox"]
    waiting = f"{outbox['pending']} to deliver ({outbox['pending_bytes'] / 1e6:.1f} MB)"
    kept = outbox["other_identity"]
    others = f", {kept} for another identity (see 'outbox list')" if kept else ""
    worker = f"running, process {running['pid']}" if running else "not running"
    if found["paused"]:
        worker += ", paused" if running else ", starts paused"
    lines = [
        ("config", found["config"] + ("" if found["config_exists"] else " (not there yet)")),
        ("studio", found["studio_url"]),
        ("registration", _registration_in_words(registration, found)),
        ("worker", worker),
        *_activity_in_words(found),
        ("GPU limit", f"{found['vram_threshold_gb']:g} GB a job"),
        ("results", f"{waiting}, {outbox['refused']} refused{others}"),
        ("engines", ", ".join(found["engines"]["ready"]) or "none"),
    ]
    lines += [
        (entry["state"], f"{entry['engine']}: {entry['reason']}")
        for entry in found["engines"]["not_ready"]
    ]
    return lines
