"""The public contract for engine plugins: everything a plugin may import from the host.

A plugin is an installed distribution with an entry point in the group ``studio_worker``::

    [project.entry-points.studio_worker]
    my-engine = "my_package.plugin"

The module it names implements some of the hooks of :class:`HookSpecs` with
:data:`hookimpl`. The host never imports it: a process of its own imports it, calls the hooks and
keeps the answers until the plugin changes. It must be light all the same. The engine itself
(an :class:`Engine` subclass named by :attr:`EngineSpec.factory`) is imported in a child
process of its own, so that is where heavy libraries belong; a crash there is one failed
job, never the end of the worker.

Compatible changes of this contract (a new hook, a new optional field) keep
:data:`API_VERSION`; an incompatible one raises it. A plugin may say which versions it
accepts with a module attribute ``studio_worker_api = (oldest, newest)``; without one,
``(1, 1)`` is assumed.
"""

from __future__ import annotations

from studio_worker_core.errors import EngineFailed, InvalidTask, JobCancelled
from studio_worker_core.plugin.engine import Engine, Output
from studio_worker_core.plugin.hooks import (
    API_VERSION,
    ENTRY_POINT_GROUP,
    CapabilityReport,
    CommandSpec,
    EngineSpec,
    HookSpecs,
    HostInfo,
    JobEvent,
    hookimpl,
)
from studio_worker_core.plugin.job import Job, Model, Place
from studio_worker_core.secrets import Secret
from studio_worker_core.wire.models import CliDefaults
from studio_worker_core.wire.tasks import (
    AudioSttTask,
    AudioTtsTask,
    ChatMessage,
    ImageTask,
    LlmTask,
    Task,
    TaskKind,
    VideoTask,
)

__all__ = [
    "API_VERSION",
    "ENTRY_POINT_GROUP",
    "AudioSttTask",
    "AudioTtsTask",
    "CapabilityReport",
    "ChatMessage",
    "CliDefaults",
    "CommandSpec",
    "Engine",
    "EngineFailed",
    "EngineSpec",
    "HookSpecs",
    "HostInfo",
    "ImageTask",
    "InvalidTask",
    "Job",
    "JobCancelled",
    "JobEvent",
    "LlmTask",
    "Model",
    "Output",
    "Place",
    "Secret",
    "Task",
    "TaskKind",
    "VideoTask",
    "hookimpl",
]
