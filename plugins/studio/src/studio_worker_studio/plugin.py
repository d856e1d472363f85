"""What this plugin adds to the host: the commands ``studio`` and ``demo``. It brings no engine."""

from __future__ import annotations

from collections.abc import Sequence

from studio_worker_core.plugin import CommandSpec, hookimpl


@hookimpl
def studio_worker_commands() -> Sequence[CommandSpec]:
    """The ``studio`` command group, and the demo that shows it with a worker at work."""
    return [
        CommandSpec(
            name="demo",
            help="Run a studio and a worker here, and one job of every kind",
            app="studio_worker_studio.demo.command:app",
        ),
        CommandSpec(
            name="studio",
            help="Serve a studio of your own, and operate it: jobs, workers, results",
            app="studio_worker_studio.cli:app",
        ),
    ]
