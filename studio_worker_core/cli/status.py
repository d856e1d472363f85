"""``studio-worker status``: what this worker is to the studio and what it is doing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer

from studio_worker_core import __version__
from studio_worker_core.cli.installed import installed_engines
from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.cli.terminal import print_json
from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.errors import AlreadyRunning
from studio_worker_core.host.lock import InstanceLock
from studio_worker_core.outbox import Outbox
from studio_worker_core.registration import Approved, Identity, Pending, state_of

__all__ = ["app", "running_worker"]

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
            typer.echo(f"{label + ':':<14}{text}")


def running_worker(lock_path: Path) -> int | None:
    """Process id of the worker that runs on this config directory, None when none does."""
    try:
        pid = int(lock_path.read_text("ascii"))
    except (OSError, ValueError):
        return None
    # A process id left by a worker that ended may be another program's by now, so the lock
    # itself decides. It is tried only then: a worker just starting must find it free.
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
    pending = outbox.pending()
    roster = installed_engines(store)
    pid = running_worker(store.lock_path)
    return {
        "version": __version__,
        "config": str(store.path),
        "config_exists": store.path.exists(),
        "studio_url": config.api_base_url,
        "registration": _registration(config),
        "worker_id": config.worker_id,
        "running": {"pid": pid} if pid is not None else None,
        "paused": config.paused,
        "vram_threshold_gb": config.vram_threshold_gb,
        "outbox": {
            "pending": len(pending),
            "pending_bytes": sum(entry.manifest.bytes for entry in pending),
            "refused": len(outbox.refused()),
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


def _registration(config: Config) -> dict[str, Any]:
    identity = Identity(
        install_id=config.install_id,
        request_id=config.registration_request_id,
        secret=config.registration_secret,
        worker_id=config.worker_id,
        auth_token=config.auth_token,
    )
    match state_of(identity, datetime.now(UTC)):
        case Approved():
            return {"state": "approved"}
        case Pending(request_id=request_id):
            return {"state": "pending", "request_id": request_id}
        case _:
            return {"state": "not registered"}


def _in_words(found: dict[str, Any]) -> list[tuple[str, str]]:
    registration, running, outbox = found["registration"], found["running"], found["outbox"]
    known = {
        "approved": f"approved as {found['worker_id']}",
        "pending": f"request {registration.get('request_id')} waits for the studio's operator",
    }
    waiting = f"{outbox['pending']} to deliver ({outbox['pending_bytes'] / 1e6:.1f} MB)"
    worker = f"running, process {running['pid']}" if running else "not running"
    lines = [
        ("config", found["config"] + ("" if found["config_exists"] else " (not there yet)")),
        ("studio", found["studio_url"]),
        ("registration", known.get(registration["state"], registration["state"])),
        ("worker", worker + (", paused" if found["paused"] else "")),
        ("GPU limit", f"{found['vram_threshold_gb']:g} GB a job"),
        ("results", f"{waiting}, {outbox['refused']} refused"),
        ("engines", ", ".join(found["engines"]["ready"]) or "none"),
    ]
    lines += [
        (entry["state"], f"{entry['engine']}: {entry['reason']}")
        for entry in found["engines"]["not_ready"]
    ]
    return lines
