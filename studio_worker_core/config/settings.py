"""Every setting of the worker with its default.

The flat keys are those of the original worker, so an installed one changes over without
registering again; the tables are ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from studio_worker_core.secrets import Secret

REQUIRED_KEYS = ("api_base_url", "vram_threshold_gb", "auto_start")
"""What the original worker requires of every config file that it is handed."""

RETIRED_KEYS = {
    "auto_update_interval_hours": "the original worker counts in auto_update_interval_secs"
}
"""Keys of earlier versions, and what to know of each; a file that has one keeps it."""

_NotNegative = Annotated[float, Meta(ge=0)]
_Count = Annotated[int, Meta(ge=0, le=2**32 - 1)]
_Port = Annotated[int, Meta(ge=0, le=65535)]
_Text = Annotated[str, Meta(max_length=4096)]


class Limits(Struct, frozen=True, kw_only=True):
    """What one job may take, where 0 means no limit, and what is kept for the next one."""

    load_seconds: _NotNegative = 600.0
    """Longest time for loading a model."""
    idle_seconds: _NotNegative = 300.0
    """Longest time without any progress."""
    total_seconds: _NotNegative = 3600.0
    """Longest time for the work itself, once the model is loaded."""
    memory_gb: _NotNegative = 0.0
    """Resident memory of the engine process and everything it started."""
    output_mb: _NotNegative = 4096.0
    """Size of the result, while it is written and when it is done."""
    crash_pause_seconds: _NotNegative = 30.0
    """How long an engine that crashed three times in a row is not offered. Doubled each time
    it crashes again, up to 20 times as long."""
    keep_warm: Annotated[int, Meta(ge=0, le=64)] = 2
    """How many engine processes stay after their job, each with its model loaded, so that the
    next job with that model starts at once. The one not used for longest is ended for another;
    0 keeps none. Models that are kept loaded stay beside them."""
    warm_seconds: _NotNegative = 0.0
    """How long such a process may stay without a job."""


class OutboxLimits(Struct, frozen=True, kw_only=True):
    """How much disk finished results may hold."""

    max_gb: _NotNegative = 20.0
    """Offers are turned down when results that wait come near this."""
    min_free_gb: _NotNegative = 0.5
    """Offers are turned down while less than this is free on the disk."""
    refused_days: _NotNegative = 30.0
    """Refused results are removed after so many days."""
    refused_max_gb: _NotNegative = 2.0
    """Refused results above this go, the oldest first."""


class JournalLimits(Struct, frozen=True, kw_only=True):
    """How much is kept of the jobs that were done; the oldest go first."""

    max_jobs: _Count = 2000
    """Most jobs that are kept; 0 keeps those that run."""
    max_mb: _NotNegative = 256.0
    """Most disk they take, with their logs and pictures."""


class InputLimits(Struct, frozen=True, kw_only=True):
    """What may be fetched for a task (init image, mask, audio)."""

    max_mb: _NotNegative = 256.0
    """Largest input."""
    seconds: _NotNegative = 120.0
    """Longest time for fetching one input."""
    allow_private: bool = False
    """Whether input URLs may point into private networks. This machine itself is only ever
    fetched from when the studio runs on it too."""
    max_megapixels: _NotNegative = 64.0
    """Most pixels of an input image (all frames together), in millions."""


class ApiSettings(Struct, frozen=True, kw_only=True):
    """How the local API names things for clients that hard-code other names."""

    enabled: bool = True
    """Whether the worker answers programs of this machine."""
    aliases: dict[str, str] = {}
    """Further names of models: ``{ "tts-1" = "espeak-ng", "gpt-image-1" = "procedural" }``."""
    voices: dict[str, str] = {}
    """Further names of voices: ``{ alloy = "en-gb" }``."""
    listen: _Text | None = None
    """Address at which other machines are answered, too: one of this machine's, or ``0.0.0.0``
    for all. Not set: this machine alone. Read at the start, like all that follows."""
    listen_port: _Port = 4789
    """The port for other machines."""
    hosts: tuple[str, ...] = ()
    """Names that other machines call this one by; a request by another name is refused. Its
    addresses need none."""
    tls_cert: Path | None = None
    """Certificate (PEM, with its chain) for other machines; a relative path starts at the config
    file's directory."""
    tls_key: Path | None = None
    """The certificate's key (PEM)."""
    tls_self_signed: bool = False
    """Whether a certificate is made, ``api-cert.pem`` beside the config file, where none is given;
    needs the extra ``tls``."""


class PluginSettings(Struct, frozen=True, kw_only=True):
    """Which plugins are left out, and which were installed for this worker."""

    disabled: tuple[str, ...] = ()
    """Left out, by distribution, entry point or engine."""
    installed: tuple[str, ...] = ()
    """Requirements that ``engines install`` put into the worker's own environment."""
    isolated: tuple[str, ...] = ()
    """Requirements that ``engines install --isolated`` gave environments of their own."""
    environment: tuple[str, ...] = ()
    """Environment variables that an engine gets beside the usual ones, as ``engine:NAME``; ``*``
    stands for every engine. Tokens and keys reach an engine only this way."""

    def variables_for(self, engine: str) -> tuple[str, ...]:
        """Names of the variables that :attr:`environment` gives an engine."""
        pairs = (entry.partition(":") for entry in self.environment)
        return tuple(name for owner, _, name in pairs if owner in (engine, "*") and name)


class Registration(Struct, frozen=True, kw_only=True):
    """What this install is to one studio, in the keys of the config itself."""

    install_id: _Text | None = None
    worker_id: _Text | None = None
    auth_token: Secret | None = None
    registration_request_id: _Text | None = None
    registration_secret: Secret | None = None
    registration_requested_at: _Text | None = None
    registration_rejected: _Text | None = None
    replaced_install_id: _Text | None = None


class Config(Struct, frozen=True, kw_only=True):
    """The whole config file. Credentials are :class:`Secret` and print as ``***``."""

    api_base_url: _Text = "https://studio.minis.gg/"
    """Address of the studio; ``register --api-base-url`` sets it."""
    worker_id: _Text | None = None
    """Name the studio gave this worker. Written by the worker."""
    auth_token: Secret | None = None
    """The worker's credential. Written by the worker."""
    vram_threshold_gb: _NotNegative = 12.0
    """Most GPU memory one job may need, in gigabytes. A new install lowers it to what the machine
    has."""
    memory_max_gb: _Count = 32
    """Most main memory, in GiB, that a model kept in it as a whole (``offloadToCpu``) may take,
    less 4 GiB; ``limits.memory_gb`` holds each engine while it works."""
    auto_start: bool = True
    """Told to the studio only."""
    start_minimised: bool = True
    """Told to the studio only."""
    auto_update_enabled: bool = True
    """Kept for the original worker; this one never updates itself, and says so to the studio."""
    auto_update_interval_secs: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 1800
    """Kept for the original worker."""
    auto_update_feed: _Text | None = None
    """Where ``check-update`` looks for releases, in place of the package index."""
    auto_update_prerelease: bool = False
    """Whether ``check-update`` also names versions that are to be tried out."""
    models_root: Path | None = None
    """Where model files go; a relative path starts at the config file's directory. Not set:
    ``~/models``, or the directory ``models`` beside the config file where there is one."""
    ws_reconnect_attempts: _Count = 0
    """Consecutive failed connections before giving up; 0 tries for ever."""
    local_api_port: _Port = 4787
    """Where the local API listens on this machine; a free port when it is taken, and for 0.
    ``STUDIO_WORKER_LOCAL_API_PORT`` wins."""
    local_api_token: Secret | None = None
    """What programs show the local API. Written by the worker, which makes one up when there is
    none."""
    stream_port: _Port = 4798
    """Kept for the original worker; has no effect yet."""
    registered_at: _Text | None = None
    """Address of the studio that the credentials, or the waiting request, belong to; with any
    other ``api_base_url`` they are not used. Written by the worker."""
    registration_rejected: _Text | None = None
    """The reason for which the studio rejected this worker; while it stands nothing is asked.
    Written by the worker, removed by ``register --reset``."""
    install_id: _Text | None = None
    """Identity of this installation. Written by the worker."""
    replaced_install_id: _Text | None = None
    """The identity that a reset gave up while its request waited: the studio is told with the next
    request, to drop the older one. Written by the worker."""
    registration_request_id: _Text | None = None
    """The request that waits for a decision. Written by the worker."""
    registration_secret: Secret | None = None
    """Proves that the request is ours. Written by the worker, removed after the decision."""
    registration_requested_at: _Text | None = None
    """When the studio took the request (UTC). Written by the worker."""
    paused: bool = False
    """Start paused: no offers are taken until ``studio-worker resume``. A worker that runs is
    paused with ``studio-worker pause``."""
    only_when_idle: bool = False
    """Take jobs only while nobody uses this machine."""
    shutdown_grace_seconds: _NotNegative = 30.0
    """How long a running job may go on after the first SIGTERM or Ctrl-C."""
    limits: Limits = Limits()
    outbox: OutboxLimits = OutboxLimits()
    journal: JournalLimits = JournalLimits()
    inputs: InputLimits = InputLimits()
    plugins: PluginSettings = PluginSettings()
    api: ApiSettings = ApiSettings()
    engines: dict[str, dict[str, Any]] = {}
    """What each engine is set to, in a table of its own: ``[engines.formant]``, what it declares
    (``engines show`` lists it) and ``device``, ``threads`` and ``memory_mb``; those three for every
    engine in ``[engines."*"]``."""
    registrations: dict[str, Registration] = {}
    """What this install is to studios other than the one above, by address: nothing of it goes
    anywhere else, and it counts again when that studio is set again. Written by the worker;
    ``config set registrations ''`` forgets them."""
