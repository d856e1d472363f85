"""The engines installed here, as the host itself tells of them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from studio_worker_core.errors import PluginError
from studio_worker_core.plugin import TaskKind

_HOST = "studio-worker"
"""The distribution of the host, which brings the built-in engine."""


class InstalledEngine(Struct, frozen=True):
    """One element of ``studio-worker engines list --json``."""

    engine: str
    distribution: str
    state: str
    kinds: tuple[TaskKind, ...]
    models: Mapping[TaskKind, tuple[str, ...]]
    """Sorted; ``engine:*`` stands for models that a source describes."""
    extensions: Mapping[str, str]
    """Extension → MIME type, as its plugin declares them for all its engines."""

    @property
    def ready(self) -> bool:
        """Whether it can take jobs."""
        return self.state == "ready"

    @property
    def builtin(self) -> bool:
        """Whether it comes with the host."""
        return self.distribution == _HOST


def installed_engines() -> list[InstalledEngine]:
    """What a worker with an empty configuration, as the demo's is, has to work with.

    Raises:
        PluginError: the host does not tell.
    """
    with tempfile.TemporaryDirectory() as empty:
        command = [sys.executable, "-m", "studio_worker_core.cli.main"]
        config = ["--config", str(Path(empty) / "config.toml")]
        listed = subprocess.run(
            [*command, *config, "engines", "list", "--json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    try:
        return msgspec.json.decode(listed.stdout, type=list[InstalledEngine])
    except msgspec.MsgspecError:
        said = listed.stderr.decode("utf-8", "replace").strip() or f"exit code {listed.returncode}"
        raise PluginError(f"the installed engines cannot be listed: {said}") from None
