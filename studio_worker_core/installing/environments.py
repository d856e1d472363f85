"""Virtual environments for isolated plugins, made whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from studio_worker_core import __version__
from studio_worker_core.errors import PluginError
from studio_worker_core.installing.pip import run_pip
from studio_worker_core.roster.isolated import (
    DESCRIPTION_NAME,
    Description,
    interpreter_of,
    read_description,
)

ENVIRONMENT_MARKER = ".studio-worker-environment"
"""The first file in every environment that is made here; only such directories are removed."""


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
        PluginError: pip failed, or no plugin came of it; nothing is left behind then. Or
            ``place`` holds something that was not made here, which stays.
    """
    remove_environment(place)
    place.mkdir(parents=True)
    try:
        (place / ENVIRONMENT_MARKER).touch()
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
    """Remove an environment; its description goes first, so that a rest is never used.

    Raises:
        PluginError: it is no environment that was made here; nothing is touched.
    """
    if not os.path.lexists(place):
        return
    if place.is_symlink() or not _is_ours(place):
        raise PluginError(
            f"{place} was not made by 'engines install --isolated' and is left as it is; "
            "move it away"
        )
    (place / DESCRIPTION_NAME).unlink(missing_ok=True)
    for entry in place.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != ENVIRONMENT_MARKER:
            entry.unlink(missing_ok=True)
    # Last, so that a removal that is cut short can be gone on with.
    with contextlib.suppress(OSError):
        (place / ENVIRONMENT_MARKER).unlink(missing_ok=True)
        place.rmdir()


def _is_ours(place: Path) -> bool:
    """Whether it was made here: by its marker, or as those made before there was one."""
    if (place / ENVIRONMENT_MARKER).is_file():
        return True
    try:
        return place.is_dir() and (
            not any(place.iterdir())
            or ((place / "pyvenv.cfg").is_file() and (place / DESCRIPTION_NAME).is_file())
        )
    except OSError:
        return False


def _describe(place: Path, requirement: str, models_root: Path) -> Description:
    draft = place / f"{DESCRIPTION_NAME}.part"
    _run(
        [
            *(str(interpreter_of(place)), "-I", "-m"),
            "studio_worker_core.roster.describe_environment",
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
