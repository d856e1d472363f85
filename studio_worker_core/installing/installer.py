"""What ``engines install``, ``uninstall`` and ``sync`` do."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from studio_worker_core.config import Config, ConfigStore, PluginSettings
from studio_worker_core.errors import PluginError
from studio_worker_core.installing.environments import make_environment, remove_environment
from studio_worker_core.installing.pip import run_pip
from studio_worker_core.roster.isolated import Description, read_description

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?\s*(.*)")


def requirement_name(requirement: str) -> str:
    """The distribution a requirement names, normalised: ``My_Engine[x]>=1`` → ``my-engine``.

    Raises:
        PluginError: not a requirement by name (a path, an URL, an option).
    """
    found = _REQUIREMENT.fullmatch(requirement)
    rest = found.group(3) if found else ""
    if found is None or not re.fullmatch(r"([<>=!~]=?.*|@.+|;.*)?", rest):
        raise PluginError(
            f"{requirement!r} is no package name; give it as pip would find it, such as "
            "my-engine or 'my-engine>=1.2', with --find-links DIR for wheels on disk"
        )
    return re.sub(r"[-_.]+", "-", found.group(1)).lower()


class Step(Struct, frozen=True):
    """What :meth:`Installer.sync` found or did for one plugin."""

    requirement: str
    isolated: bool
    outcome: Literal["present", "installed", "failed"]
    reason: str | None = None


class Installer:
    """Installs plugins and records them in the config, so that nothing is lost when the
    worker's environment is made anew.

    :param say: told every line pip prints.
    """

    def __init__(
        self, store: ConfigStore, *, say: Callable[[str], None], pip_options: Sequence[str] = ()
    ) -> None:
        self._store = store
        self._say = say
        self._pip_options = tuple(pip_options)

    def install(self, requirement: str, *, isolated: bool) -> Description | None:
        """Install a plugin; the description of its environment when isolated.

        Raises:
            PluginError: it cannot be installed, or is no plugin; nothing is recorded.
            ConfigError: it cannot be recorded.
        """
        name = requirement_name(requirement)
        description = self._put(requirement, name, isolated=isolated)
        recorded = self._store.config.plugins
        elsewhere = recorded.installed if isolated else recorded.isolated
        if _without(elsewhere, name) != elsewhere:
            self._remove(name, isolated=not isolated)
        more = (requirement,)
        self._record(name, installed=() if isolated else more, isolated=more if isolated else ())
        return description

    def uninstall(self, requirement: str) -> None:
        """Remove a plugin that :meth:`install` installed.

        Raises:
            PluginError: it is not recorded, or pip failed.
        """
        name = requirement_name(requirement)
        recorded = self._store.config.plugins
        isolated = _without(recorded.isolated, name) != recorded.isolated
        if not isolated and _without(recorded.installed, name) == recorded.installed:
            known = ", ".join([*recorded.installed, *recorded.isolated]) or "nothing"
            raise PluginError(f"{name} was not installed with 'engines install' ({known} was)")
        self._remove(name, isolated=isolated)
        self._record(name)

    def sync(self) -> list[Step]:
        """Bring back every recorded plugin that is missing or was made for another version."""
        recorded = self._store.config.plugins
        shared = [self._synced(each, isolated=False) for each in recorded.installed]
        return shared + [self._synced(each, isolated=True) for each in recorded.isolated]

    def _synced(self, requirement: str, *, isolated: bool) -> Step:
        try:
            name = requirement_name(requirement)
            if self._is_there(name, isolated=isolated):
                return Step(requirement, isolated, "present")
            self._put(requirement, name, isolated=isolated)
        except PluginError as error:
            return Step(requirement, isolated, "failed", str(error))
        return Step(requirement, isolated, "installed")

    def _is_there(self, name: str, *, isolated: bool) -> bool:
        if isolated:
            return isinstance(read_description(self._environment(name)), Description)
        try:
            distribution(name)
        except PackageNotFoundError:
            return False
        return True

    def _put(self, requirement: str, name: str, *, isolated: bool) -> Description | None:
        if isolated:
            return make_environment(
                self._environment(name),
                requirement,
                models_root=self._store.models_root,
                pip_options=self._pip_options,
                say=self._say,
            )
        run_pip(sys.executable, ["install", *self._pip_options, requirement], say=self._say)
        return None

    def _remove(self, name: str, *, isolated: bool) -> None:
        if isolated:
            remove_environment(self._environment(name))
        else:
            run_pip(sys.executable, ["uninstall", "--yes", name], say=self._say)

    def _environment(self, name: str) -> Path:
        return self._store.engines_root / name

    def _record(
        self, name: str, *, installed: tuple[str, ...] = (), isolated: tuple[str, ...] = ()
    ) -> None:
        """Note these in the place of what is recorded of the plugin ``name``."""

        def change(config: Config) -> dict[str, PluginSettings]:
            # As the file is by now: pip takes minutes, and others change settings meanwhile.
            there = config.plugins
            return {
                "plugins": msgspec.structs.replace(
                    there,
                    installed=(*_without(there.installed, name), *installed),
                    isolated=(*_without(there.isolated, name), *isolated),
                )
            }

        self._store.revise(change)


def _without(requirements: Sequence[str], name: str) -> tuple[str, ...]:
    return tuple(kept for kept in requirements if requirement_name(kept) != name)
