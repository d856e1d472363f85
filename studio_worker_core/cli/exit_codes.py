"""What the command's exit status means, and which error leads to which."""

from __future__ import annotations

from enum import IntEnum

from studio_worker_core.cli.help_words import EXIT_CODES
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


MEANINGS: dict[ExitCode, str] = {ExitCode(code): words for code, words in EXIT_CODES.items()}


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
