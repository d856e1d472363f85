"""What the routes under ``/daemon`` ask of the worker itself. Loads nothing of a server.

The structs are the bodies that clients of the original worker read (original.md, Local API);
what it does not have is ours, and optional for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

from msgspec import Meta, Struct

from studio_worker_core.config import Config
from studio_worker_core.jobs.job import Source
from studio_worker_core.local_api.errors import Refused
from studio_worker_core.wire.frames import LogEntry


class RegistrationShown(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """What this worker is to its studio."""

    state: Literal["pristine", "pending", "approved", "rejected"]
    request_id: str | None = None
    """Of the request that is pending."""
    since: str | None = None
    """When it was made (UTC)."""
    worker_id: str | None = None
    """The name it was approved by."""
    reason: str | None = None
    """Why it was rejected, if the studio said so."""


class SessionShown(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """The connection to the studio."""

    state: Literal["waiting_for_approval", "connected", "reconnecting", "fatal"]
    attempt: int | None = None
    """Which one this is since the last session; 1 for the first."""
    message: str | None = None
    """Why it is so, for a person."""


class HeartbeatShown(Struct, frozen=True, rename="camel"):
    """The last heartbeat."""

    outcome: Literal["ok", "failed"]
    """``failed`` once its session is lost."""
    last_attempt_at: str
    """UTC."""


class SettingsShown(Struct, frozen=True, rename="camel", kw_only=True):
    """The settings that clients may read and change, all together."""

    api_base_url: Annotated[str, Meta(max_length=4096)]
    vram_threshold_gb: float
    memory_max_gb: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    auto_start: bool
    start_minimised: bool
    only_when_idle: bool
    auto_update_enabled: bool
    auto_update_interval_secs: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    auto_update_feed: Annotated[str, Meta(max_length=4096)]
    auto_update_prerelease: bool
    models_root: Annotated[str, Meta(max_length=4096)]


class EverySetting(Struct, frozen=True):
    """All settings, for the page. Secrets stay secrets in it."""

    now: Config
    started: Config
    """What they were when the worker started."""
    path: str
    """Of their file."""
    unknown: tuple[str, ...] = ()
    """Keys of the file that this version does not know."""


class JobShown(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """One job, whoever asked for it. ``started_at`` and ``finished_at`` are UTC."""

    job_id: str
    kind: str
    model: str
    engine: str
    prompt: str
    """Cut where it is very long."""
    source: Source
    status: Literal["running", "completed", "failed"]
    fraction: float
    """How far it is, 0 to 1."""
    message: str | None = None
    """What its engine says about that, while it runs."""
    reason: str | None = None
    """Why it failed."""
    started_at: str
    finished_at: str | None = None
    has_thumbnail: bool


class DaemonStatus(Struct, frozen=True, rename="camel", kw_only=True):
    """The worker as it is now; nothing in it is secret."""

    version: str
    pid: int
    config_path: str
    paused: bool
    busy: bool
    registered: bool
    worker_id: str | None
    registration: RegistrationShown
    config: SettingsShown
    session: SessionShown
    heartbeat: HeartbeatShown | None
    gpu_runtime: Mapping[str, Any]
    vram_total_gb: float
    vram_free_gb: float
    local_api_url: str
    current_job_id: str | None
    active_jobs: Sequence[JobShown]
    """Those that run, the oldest first."""
    recent_jobs: Sequence[JobShown]
    """The studio's that ended, the newest first."""
    local_jobs: Sequence[JobShown]
    """This machine's that ended, the newest first."""
    logs_seq: int
    state: str
    """One word for what the worker does now, as the status line has it."""
    since: str
    """When it came into that state (UTC)."""
    detail: str
    done: int
    """Results delivered since the start."""
    failed: int
    """Jobs that failed since the start."""
    undelivered: int
    """Results that the studio has not acknowledged."""
    not_taking: str | None
    """Why no offers are taken, if so."""


class LogPage(Struct, frozen=True, rename="camel"):
    """Lines of the log, the oldest first."""

    entries: Sequence[LogEntry]
    seq: int
    """The number of the last line there is; lines are counted from 1, from the worker's start."""
    missed: int = 0
    """How many lines after the one asked for are no longer kept."""


class Daemon(Protocol):
    """The worker itself, as the local API sees and changes it. For any thread; each call may
    wait for a disk or a driver for a moment."""

    def status(self) -> DaemonStatus:
        """Everything about it."""

    def gpu_runtime(self) -> Mapping[str, Any]:
        """What there is of graphics cards: ``ok`` and ``detail``."""

    def logs(self, after: int | None = None) -> LogPage:
        """The lines after that number; all that are kept without one, and for a number that no
        line has had yet: it is another run's."""

    def pause(self) -> bool:
        """Take no offers, in this run; whether it is paused now."""

    def resume(self) -> bool:
        """Take offers again; whether it is paused now."""

    def config(self) -> SettingsShown:
        """The settings."""

    def change_config(self, wanted: SettingsShown) -> SettingsShown:
        """Make these the settings; those that are.

        Raises:
            InvalidConfig: a value cannot be used; nothing is changed.
            NotSaved: the file cannot be written; nothing is changed.
        """

    def every_setting(self) -> EverySetting:
        """All settings; asks no disk."""

    def set_texts(self, texts: Mapping[str, str]) -> Mapping[str, str]:
        """Make settings what a person typed for them, by key, in one write; an empty text goes
        back to the default. What is wrong, by key: then nothing is changed.

        Raises:
            InvalidConfig: what was typed does not fit what is in the file; nothing is changed.
            NotSaved: the file cannot be written; nothing is changed.
        """

    def reset(self) -> None:
        """Forget a rejection: the worker begins a fresh request.

        Raises:
            NotRejected: there is none.
            NotSaved: the file cannot be written; it stands.
        """

    def shutdown(self) -> None:
        """End the worker in order, as a signal does. Returns at once."""

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call ``changed`` after anything about it has changed, from any thread; it returns at
        once. Beyond that what changed is to be asked for. The call that comes back ends it."""

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more: the worker is about to be gone."""


class InvalidConfig(Refused):
    """A setting that cannot be used, by its name."""

    code = "invalid_config"


class NotRejected(Refused):
    """There is no rejection to forget."""

    status = 409
    code = "not_rejected"


class NotSaved(Refused):
    """The config file cannot be written."""

    status = 500
    code = "config_not_saved"
