"""What this plugin adds to the host: the ``studio`` command. It brings no engine."""

from __future__ import annotations

from collections.abc import Sequence

from studio_worker_core.plugin import CommandSpec, hookimpl

__all__ = ["studio_worker_commands"]


@hookimpl
def studio_worker_commands() -> Sequence[CommandSpec]:
    """The ``studio`` command group."""
    return [
        CommandSpec(
            name="studio",
            help="Serve a studio of your own, and operate it: jobs, workers, results",
            app="studio_worker_studio.cli:app",
        )
    ]
