"""The global options of one call of the command, handed to every sub-command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from studio_worker_core.worker.shutdown import Shutdown


@dataclass(frozen=True)
class Invocation:
    """``ctx.obj`` of every command, the ones of plugins included."""

    config_option: Path | None = None
    """``--config`` as given, or None."""
    verbosity: int = 0
    """-1 with ``--quiet``, 0 by default, 1 with ``-v``, 2 with ``-vv``."""
    shutdown: Shutdown | None = None
    """What listens to signals since the process began, for ``run``."""

    @property
    def config_path(self) -> Path:
        """The config file to use: ``--config``, ``STUDIO_WORKER_CONFIG`` or the platform's."""
        if self.config_option is not None:
            return self.config_option.expanduser()
        # Imported here: reading config files is not needed to show a command's help.
        from studio_worker_core.config import default_config_path

        return default_config_path()


def invocation_of(ctx: typer.Context) -> Invocation:
    """The global options, or their defaults when a command's app is called on its own."""
    found = ctx.find_object(Invocation)
    return found if isinstance(found, Invocation) else Invocation()
