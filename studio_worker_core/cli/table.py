"""The built-in commands by name. Nothing here imports a command's module."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BUILT_IN", "CommandEntry"]


class CommandEntry(NamedTuple):
    """One line of ``studio-worker --help`` and where the command lives."""

    name: str
    help: str
    app: str
    """``"module:attribute"`` of a :class:`typer.Typer`."""


def _own(name: str, summary: str, app: str | None = None) -> CommandEntry:
    room = app or f"{name.replace('-', '_')}:app"
    return CommandEntry(name, summary, f"studio_worker_core.cli.{room}")


BUILT_IN: dict[str, CommandEntry] = {
    entry.name: entry
    for entry in (
        _own("run", "Start the worker: register if needed, then serve jobs"),
        _own("register", "Ask a studio to take this worker and wait for its decision"),
        _own("status", "Show registration, the running worker, results and engines"),
        _own("pause", "Take no new jobs until 'resume'", "pause:pause_app"),
        _own("resume", "Take new jobs again", "pause:resume_app"),
        _own("engines", "List, check, try out, write, disable and enable engines"),
        _own("models", "List, download, check and remove models"),
        _own("outbox", "List, retry, export and remove results the studio has not got"),
        _own("config", "Show and change the configuration"),
        _own("set-threshold", "Set the most GPU memory one job may need, in GB"),
        _own(
            "demo", "Run a studio and a worker here, and one job of every kind", "demo.command:app"
        ),
    )
}
