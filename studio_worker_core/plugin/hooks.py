"""The hooks of a plugin module, and what they are handed and answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pluggy
from msgspec import Struct, field

from studio_worker_core.wire.tasks import TaskKind

API_VERSION = 1
"""Version of this contract. Raised only by a change that breaks existing plugins."""

ENTRY_POINT_GROUP = "studio_worker"

hookspec = pluggy.HookspecMarker("studio_worker")
hookimpl = pluggy.HookimplMarker("studio_worker")
"""Marks a function of a plugin module as the implementation of the hook of that name."""


class HostInfo(Struct, frozen=True):
    """What a plugin may know about its host when a hook is called."""

    api_version: int
    """:data:`API_VERSION` of the host."""
    agent_version: str
    """Version of studio-worker, e.g. ``"0.1.0"``."""
    models_root: Path
    """Directory under which model files are kept."""


class EngineSpec(Struct, frozen=True):
    """One engine as a plugin offers it."""

    name: str
    """Slug that ``modelSource.engine`` names, e.g. ``"espeak"``; unique over all plugins.
    Lower-case letters, digits and hyphens."""
    models: Mapping[TaskKind, Sequence[str]]
    """Kind → names of the models served. ``"<engine>:*"`` stands for any model whose
    source describes it (protocol §2, capabilities)."""
    factory: str
    """``"module:Class"`` of the :class:`Engine` subclass; imported in the child process."""
    version: str = "0"
    """Version of the engine, shown on the roster."""
    summary: str = ""
    """One line for ``engines list`` and ``engines show``."""
    licence: str = ""
    """SPDX expression of the engine's licence where it differs from the plugin's."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Task parameter → how the engine treats it, for ``engines show``."""
    options: str = ""
    """``"module:Class"`` of a frozen :class:`msgspec.Struct` with the parameters that only this
    engine has, each with a type, a default, and bounds and words in its
    :class:`msgspec.Meta`; read where the plugin module is, so its module must be light. The host
    checks what a task gives in ``options`` and :attr:`Job.options` holds one. Since API 1."""
    settings: str = ""
    """``"module:Class"`` of another such struct, with what the operator sets once for this engine,
    in ``[engines.<name>]`` of the config. A field of type ``Secret | None`` is a secret, which the
    config names by an environment variable or a file. ``device``, ``threads`` and ``memory_mb``
    are every engine's and no names for a field (:class:`Place`). The host checks what is set, and
    :attr:`Engine.settings` holds one. Since API 1."""
    chat: Sequence[Literal["tools", "logprobs"]] = ()
    """What it does in chats beside answering in text: call the task's ``tools``, give the
    ``logprobs`` of its answer. A task that asks for something else is refused. Since API 1."""

    @property
    def kinds(self) -> tuple[TaskKind, ...]:
        """The kinds of work this engine does, in wire order."""
        return tuple(kind for kind in TaskKind if kind in self.models)


class CapabilityReport(Struct, frozen=True):
    """What a plugin adds to the worker's capabilities beside its engines."""

    models: Mapping[TaskKind, Sequence[str]] = field(default_factory=dict)
    """Models beyond :attr:`EngineSpec.models`, e.g. those found on disk right now."""
    traits: Mapping[str, Any] = field(default_factory=dict)
    """Free facts for the studio, JSON values; each key starts with ``"<engine>."``."""


class CommandSpec(Struct, frozen=True):
    """A sub-command a plugin adds to ``studio-worker``."""

    name: str
    """The word typed after ``studio-worker``."""
    help: str
    """One line for ``studio-worker --help``."""
    app: str
    """``"module:attribute"`` of a :class:`typer.Typer`; imported only when it is called. Its
    ``ctx.obj`` has the global options: ``config_path`` is the config file to use, ``verbosity``
    is -1 with ``--quiet``, else how often ``-v`` was given."""


class JobEvent(Struct, frozen=True):
    """Something happened to a job; see :meth:`HookSpecs.studio_worker_job_event`."""

    what: Literal["accepted", "started", "finished", "failed", "delivered", "refused"]
    job_id: str
    engine: str
    model: str
    kind: TaskKind
    seconds: float = 0.0
    """Seconds since the job was accepted."""
    error: str | None = None


class HookSpecs:
    """The hooks. Implement any of them as module-level functions marked ``@hookimpl``."""

    @hookspec
    def studio_worker_engines(self, host: HostInfo) -> Sequence[EngineSpec]:
        """The engines this plugin brings. Asked again when the plugin, or what is
        installed beside it, changes. Since API 1.

        Two plugins that use one engine name are both withdrawn; the built-in engine keeps
        its name.

        :param host: the host that asks.
        """
        raise NotImplementedError

    @hookspec
    def studio_worker_capabilities(self, host: HostInfo) -> CapabilityReport:
        """More models and traits, merged into ``capabilities``. Asked again when
        files in ``host.models_root`` change and every few minutes; must return at once.
        Since API 1.

        :param host: the host that asks.
        """
        raise NotImplementedError

    @hookspec
    def studio_worker_extensions(self) -> Mapping[str, str]:
        """File extension (no dot, lower case) → MIME type of every file the plugin's engines
        can produce. An engine that answers with another extension fails its job. Since API 1.

        Well-known extensions have the one type the host knows (``wav`` is ``audio/wav``); two
        plugins that give another extension different types are both withdrawn.
        """
        raise NotImplementedError

    @hookspec
    def studio_worker_commands(self) -> Sequence[CommandSpec]:
        """Sub-commands of ``studio-worker``. Since API 1."""
        raise NotImplementedError

    @hookspec
    def studio_worker_job_event(self, event: JobEvent) -> None:
        """Called after something happened to a job, in a process of its own: an observer can
        be slow, raise or crash without hurting the job. Since API 1.

        :param event: what happened.
        """
        raise NotImplementedError
