"""Every error the worker raises on purpose, in one tree.

::

    StudioWorkerError
    ├── ConfigError                 the config file or a value in it (path, key)
    │   └── ConfigCorrupt           the file is no TOML and can be set aside (path, line)
    ├── AlreadyRunning              another worker holds this config directory (path, pid)
    ├── NotRunning                  no worker runs on this config directory (path)
    ├── WireError                   bytes that are not what protocol.md says (what, reason)
    │   └── BadFrame                one WebSocket frame (frame_type, job_id)
    ├── StudioError                 talking to the studio
    │   ├── HttpStatusError         a non-2xx answer (op, status, body)
    │   ├── TransportError          no answer at all (op, reason)
    │   ├── NotRegistered           there are no credentials to call it with (op)
    │   └── SessionRefused          the studio ended the session for good (code)
    ├── RegistrationRejected        the operator said no (reason)
    ├── PluginError                 one plugin is at fault (distribution)
    ├── OutboxError                 a result cannot be kept (path)
    │   └── ResultDamaged           its bytes are not those that were kept (path)
    ├── JournalError                the job journal cannot be read
    ├── ModelHostError              a model cannot be kept loaded (model)
    │   ├── ModelUnknown            the catalogue has none of that name
    │   ├── ModelDisabled           it is switched off there
    │   └── ResidencyNotSaved       the wish cannot be written down
    ├── ModelStoreError             a model file or an input cannot be had (what)
    │   ├── DownloadFailed          network or server at fault: worth another try
    │   └── SourceRefused           forbidden address, wrong checksum, too large: final
    └── JobError                    a job failed; becomes one ``fail`` frame (retryable)
        ├── InvalidTask             the parameters cannot be served (never retried)
        │   └── ParameterRefused    one of them is unknown, missing or wrong (key, missing)
        ├── EngineMissing           no installed engine has that name (never retried)
        ├── EngineFailed            the engine raised or its process died (retryable)
        ├── InsufficientMemory      its model does not fit beside what is loaded (retryable)
        ├── JobTimedOut             a stage outlasted its limit (retryable)
        └── JobCancelled            somebody asked for it to stop (never retried)

Callers branch on type and attributes, never on the message. Messages name the thing at
fault and the remedy, and are fit to be shown to an operator as they are.
"""

from __future__ import annotations

from studio_worker_core.errors.jobs import (
    EngineFailed,
    EngineMissing,
    InsufficientMemory,
    InvalidTask,
    JobCancelled,
    JobError,
    JobTimedOut,
    ParameterRefused,
)
from studio_worker_core.errors.models import (
    DownloadFailed,
    ModelDisabled,
    ModelHostError,
    ModelStoreError,
    ModelUnknown,
    ResidencyNotSaved,
    SourceRefused,
)
from studio_worker_core.errors.root import (
    StudioWorkerError,
)
from studio_worker_core.errors.studio import (
    BadFrame,
    HttpStatusError,
    NotRegistered,
    RegistrationRejected,
    SessionRefused,
    StudioError,
    TransportError,
    WireError,
)
from studio_worker_core.errors.worker import (
    AlreadyRunning,
    ConfigCorrupt,
    ConfigError,
    JournalError,
    NotRunning,
    OutboxError,
    PluginError,
    ResultDamaged,
)

__all__ = [
    "AlreadyRunning",
    "BadFrame",
    "ConfigCorrupt",
    "ConfigError",
    "DownloadFailed",
    "EngineFailed",
    "EngineMissing",
    "HttpStatusError",
    "InsufficientMemory",
    "InvalidTask",
    "JobCancelled",
    "JobError",
    "JobTimedOut",
    "JournalError",
    "ModelDisabled",
    "ModelHostError",
    "ModelStoreError",
    "ModelUnknown",
    "NotRegistered",
    "NotRunning",
    "OutboxError",
    "ParameterRefused",
    "PluginError",
    "RegistrationRejected",
    "ResidencyNotSaved",
    "ResultDamaged",
    "SessionRefused",
    "SourceRefused",
    "StudioError",
    "StudioWorkerError",
    "TransportError",
    "WireError",
]
