"""The host's own commands by name. Nothing here imports a command's module."""

from __future__ import annotations


class CommandEntry(tuple[str, str, str]):
    """One line of ``studio-worker --help`` and where the command lives.

    A tuple by hand: ``typing`` would cost ``--help`` more than all that it shows.
    """

    __slots__ = ()

    def __new__(cls, name: str, summary: str, app: str) -> CommandEntry:
        return super().__new__(cls, (name, summary, app))

    @property
    def name(self) -> str:
        """What is typed."""
        return self[0]

    @property
    def help(self) -> str:
        """Its line of ``--help``."""
        return self[1]

    @property
    def app(self) -> str:
        """``"module:attribute"`` of a :class:`typer.Typer`."""
        return self[2]


def _own(name: str, summary: str, app: str | None = None) -> CommandEntry:
    room = app or f"{name.replace('-', '_')}:app"
    return CommandEntry(name, summary, f"studio_worker_core.cli.{room}")


BUILT_IN: dict[str, CommandEntry] = {
    entry.name: entry
    for entry in (
        _own("run", "Start the worker: register if needed, then serve jobs"),
        _own("serve", "Start the worker for programs of this machine, without a studio"),
        _own("setup", "Ask for the studio, the models folder and the GPU limit, and set them"),
        _own("register", "Ask a studio to take this worker and wait for its decision"),
        _own("status", "Show registration, the running worker, results and engines"),
        _own("pause", "Take no new jobs until 'resume'", "pause:pause_app"),
        _own("resume", "Take new jobs again", "pause:resume_app"),
        _own("api", "Show where programs of this machine reach the worker, and how"),
        _own("engines", "List, check, try out, write, disable and enable engines"),
        _own("models", "List, download, load, check and remove models"),
        _own("jobs", "List, inspect, export and replay the jobs this worker did"),
        _own("outbox", "List, retry, export and remove results the studio has not got"),
        _own("config", "Show and change the configuration"),
        _own("set-threshold", "Set the most GPU memory one job may need, in GB"),
        _own("check-update", "Ask for a newer version, and say how to get it"),
        _own("ui", "Open the worker's own page in a browser"),
    )
}

STAND_INS: dict[str, CommandEntry] = {
    entry.name: entry
    for entry in (
        _own(
            "demo",
            "See everything work here (comes with studio-worker[studio])",
            "stand_ins:demo_app",
        ),
    )
}
"""Commands that newcomers are told of and a plugin brings: these say what to install."""


def all_commands(of_plugins: dict[str, CommandEntry]) -> dict[str, CommandEntry]:
    """Every command: the built-in ones in the table's order, then the others by name. A plugin
    may replace a stand-in, and no built-in one."""
    added = {**STAND_INS, **of_plugins}
    return BUILT_IN | {name: added[name] for name in sorted(added) if name not in BUILT_IN}
