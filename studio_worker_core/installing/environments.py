"""Virtual environments for isolated plugins, made whole or not at all."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from studio_worker_core import __version__
from studio_worker_core.engines.isolated import (
    DESCRIPTION_NAME,
    Description,
    interpreter_of,
    read_description,
)
from studio_worker_core.errors import PluginError
from studio_worker_core.installing.pip import run_pip

__all__ = ["make_environment", "remove_environment"]


def make_environment(
    place: Path,
    requirement: str,
    *,
    models_root: Path,
    pip_options: Sequence[str],
    say: Callable[[str], None],
) -> Description:
    """Make (again) the environment ``place`` with ``requirement`` and this version of
    studio-worker in it, and describe its plugins.

    The environment is built where it will stay, since it cannot be moved, and has no
    description until it is complete: a half-built one is never used.

    Raises:
        PluginError: pip failed, or no plugin came of it; nothing is left behind then.
    """
    remove_environment(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        say(f"making the environment {place}")
        _run([sys.executable, "-m", "venv", str(place)])
        python = interpreter_of(place)
        wanted = [f"studio-worker=={__version__}", requirement]
        run_pip(python, ["install", *pip_options, *wanted], say=say)
        return _describe(place, requirement, models_root)
    except BaseException:
        remove_environment(place)
        raise


def remove_environment(place: Path) -> None:
    """Remove an environment; its description goes first, so that a rest is never used."""
    (place / DESCRIPTION_NAME).unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)


def _describe(place: Path, requirement: str, models_root: Path) -> Description:
    draft = place / f"{DESCRIPTION_NAME}.part"
    _run(
        [
            *(str(interpreter_of(place)), "-I", "-m", "studio_worker_core.engines.describe"),
            *(requirement, str(models_root), str(draft)),
        ]
    )
    draft.replace(place / DESCRIPTION_NAME)
    description = read_description(place)
    if isinstance(description, str):
        raise PluginError(f"{requirement} cannot be used: {description}")
    if not description.plugins:
        raise PluginError(
            f"{requirement} was installed but brings no plugin: it has no entry point in the "
            "group 'studio_worker'"
        )
    return description


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise PluginError(f"'{' '.join(command[1:4])} …' failed: {' '.join(said[-3:])}")
