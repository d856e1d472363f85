"""Every setting of the worker with its default.

The flat keys are those of the original worker, so an installed one changes over without
registering again; the tables are ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from studio_worker_core.secrets import Secret

__all__ = ["Config", "InputLimits", "Limits", "OutboxLimits", "PluginSettings"]

_NotNegative = Annotated[float, Meta(ge=0)]
_Text = Annotated[str, Meta(max_length=4096)]


class Limits(Struct, frozen=True, kw_only=True):
    """What one job may take; 0 means no limit."""

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


class PluginSettings(Struct, frozen=True, kw_only=True):
    """Which plugins are left out, and which were installed for this worker."""

    disabled: tuple[str, ...] = ()
    """Left out, by distribution, entry point or engine."""
    installed: tuple[str, ...] = ()
    """Requirements that ``engines install`` put into the worker's own environment."""
    isolated: tuple[str, ...] = ()
    """Requirements that ``engines install --isolated`` gave environments of their own."""


class Config(Struct, frozen=True, kw_only=True):
    """The whole config file. Credentials are :class:`Secret` and print as ``***``."""

    api_base_url: _Text = "https://studio.minis.gg/"
    """Address of the studio; ``register --api-base-url`` sets it."""
    worker_id: _Text | None = None
    """Name the studio gave this worker. Written by the worker."""
    auth_token: Secret | None = None
    """The worker's credential. Written by the worker."""
    vram_threshold_gb: _NotNegative = 8.0
    """Most GPU memory one job may need, in gigabytes."""
    auto_start: bool = False
    """Told to the studio only."""
    auto_update_enabled: bool = False
    """Told to the studio only; the worker never updates itself."""
    auto_update_interval_hours: _NotNegative = 24.0
    """Kept from earlier workers; has no effect."""
    models_root: Path | None = None
    """Where model files go; a relative path starts at the config file's directory."""
    ws_reconnect_attempts: Annotated[int, Meta(ge=0)] = 0
    """Consecutive failed connections before giving up; 0 tries for ever."""
    local_api_port: Annotated[int, Meta(ge=0, le=65535)] | None = None
    """Kept from earlier workers; has no effect yet."""
    local_api_token: Secret | None = None
    """Kept from earlier workers; has no effect yet."""
    install_id: _Text | None = None
    """Identity of this installation. Written by the worker."""
    registration_request_id: _Text | None = None
    """The request that waits for a decision. Written by the worker."""
    registration_secret: Secret | None = None
    """Proves that the request is ours. Written by the worker, removed after the decision."""
    paused: bool = False
    """While true no offers are taken; a running worker follows the file."""
    only_when_idle: bool = False
    """Take jobs only while nobody uses this machine."""
    start_minimised: bool = False
    """Told to the studio only."""
    shutdown_grace_seconds: _NotNegative = 30.0
    """How long a running job may go on after the first SIGTERM or Ctrl-C."""
    limits: Limits = Limits()
    outbox: OutboxLimits = OutboxLimits()
    inputs: InputLimits = InputLimits()
    plugins: PluginSettings = PluginSettings()
