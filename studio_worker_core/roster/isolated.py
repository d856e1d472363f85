"""Plugins in environments of their own, so that two with conflicting needs serve side by side.

Each environment is a directory under ``<config dir>/engines``. What its
plugins' hooks answer is written down when it is made (:mod:`.describe_environment`, run by the
environment's own interpreter), and its lanes run that interpreter too.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from studio_worker_core import __version__
from studio_worker_core.roster.plugin_records import PluginDescription, PluginFault

DESCRIPTION_NAME = "studio-worker.json"


class Description(Struct, frozen=True):
    """All plugins of one environment. ``requirement`` is what was installed."""

    requirement: str
    agent_version: str
    """Version of studio-worker in the environment: the lane's other end."""
    plugins: tuple[PluginDescription, ...] = ()


def interpreter_of(environment: Path) -> Path:
    """The Python of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def read_description(environment: Path) -> Description | str:
    """The description of an environment, or why it cannot be used."""
    try:
        data = (environment / DESCRIPTION_NAME).read_bytes()
        description = msgspec.json.decode(data, type=Description)
    except FileNotFoundError:
        return "its installation was not finished"
    except (OSError, msgspec.MsgspecError, UnicodeError) as error:
        return f"its description cannot be read: {error}"
    if not interpreter_of(environment).exists():
        return "its interpreter is gone (was Python upgraded or moved?)"
    if description.agent_version != __version__:
        return (
            f"it was made for studio-worker {description.agent_version} and this is {__version__}"
        )
    return description


def isolated_plugins(root: Path) -> Sequence[PluginDescription]:
    """The plugins of all environments under ``root``, as they were described there."""
    found: list[PluginDescription] = []
    if not root.is_dir():
        return found
    for environment in sorted(root.iterdir()):
        if environment.name.startswith(".") or not environment.is_dir():
            continue
        description = read_description(environment)
        if isinstance(description, str):
            fault = PluginFault(description, "studio-worker engines sync", str(environment))
            found.append(PluginDescription(environment.name, environment.name, "?", fault=fault))
            continue
        python = str(interpreter_of(environment))
        found += [replace(plugin, interpreter=python) for plugin in description.plugins]
    return found
