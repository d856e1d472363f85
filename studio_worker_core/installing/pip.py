"""pip, as a child process of some environment's interpreter."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from studio_worker_core.errors import PluginError

_TAIL_LINES = 6


def run_pip(
    interpreter: str | Path, arguments: Sequence[str], *, say: Callable[[str], None]
) -> None:
    """Run ``pip`` and hand each line it prints to ``say``.

    Raises:
        PluginError: it failed, with its last lines; or the environment has no pip.
    """
    command = [
        str(interpreter),
        *("-m", "pip", "--disable-pip-version-check", "--no-input"),
        *arguments,
    ]
    lines: list[str] = []
    try:
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                lines = [*lines, line.rstrip()][-50:]
                say(line.rstrip())
    except OSError as error:
        raise PluginError(f"{interpreter} cannot be started: {error}") from error
    if process.returncode == 0:
        return
    if any("No module named pip" in line for line in lines):
        raise PluginError(
            f"{interpreter} has no pip; install it there with '{interpreter} -m ensurepip', or "
            "use the tool that made the environment and then 'studio-worker engines sync'"
        )
    complaints = [line for line in lines if line.startswith("ERROR")] or lines[-_TAIL_LINES:]
    raise PluginError(f"pip {arguments[0]} failed: {' '.join(complaints).strip()}")
