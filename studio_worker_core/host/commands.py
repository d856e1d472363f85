"""Short commands of the system, asked for what they print."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

Run = Callable[[Sequence[str]], str | None]
"""Runs a command; its output, None when it is missing, fails or takes too long."""


def output_of(command: Sequence[str], *, within: float) -> str | None:
    """The output of ``command``; None when it is missing, fails or takes over ``within`` s."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=within,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
