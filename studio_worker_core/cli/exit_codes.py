"""What the command's exit status means, and which error leads to which."""

from __future__ import annotations

from enum import IntEnum

from studio_worker_core.errors import (
    AlreadyRunning,
    ConfigError,
    HttpStatusError,
    RegistrationRejected,
    SessionRefused,
    StudioWorkerError,
    TransportError,
)


class ExitCode(IntEnum):
    """Exit statuses of every ``studio-worker`` command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    UNREACHABLE = 4
    REFUSED = 5
    ALREADY_RUNNING = 6
    INTERRUPTED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "failed, the message says why",
    ExitCode.USAGE: "the command line cannot be understood",
    ExitCode.CONFIGURATION: "the configuration cannot be used",
    ExitCode.UNREACHABLE: "the studio, or another server, cannot be reached",
    ExitCode.REFUSED: "the studio refused or rejected",
    ExitCode.ALREADY_RUNNING: "a worker already runs on this configuration",
    ExitCode.INTERRUPTED: "interrupted (Ctrl-C)",
}


def exit_code_for(error: StudioWorkerError) -> ExitCode:
    """The exit status for an error that ends the command."""
    match error:
        case ConfigError():
            return ExitCode.CONFIGURATION
        case AlreadyRunning():
            return ExitCode.ALREADY_RUNNING
        case TransportError():
            return ExitCode.UNREACHABLE
        case HttpStatusError():
            return ExitCode.UNREACHABLE if error.is_transient else ExitCode.REFUSED
        case SessionRefused() | RegistrationRejected():
            return ExitCode.REFUSED
        case _:
            return ExitCode.FAILED
