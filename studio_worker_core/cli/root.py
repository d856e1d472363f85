"""The root command, and the one place where expected errors become one line."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studio_worker_core import __version__
from studio_worker_core.cli import help_words
from studio_worker_core.cli.exit_codes import ExitCode, exit_code_for
from studio_worker_core.cli.group import LazyGroup
from studio_worker_core.cli.invocation import Invocation, invocation_of
from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.foreign_text import printable
from studio_worker_core.redaction import without_secrets

if TYPE_CHECKING:
    from studio_worker_core.worker.shutdown import Shutdown

app = typer.Typer(
    name=help_words.PROGRAM,
    cls=LazyGroup,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=help_words.EPILOG,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": help_words.MOST_COLUMNS,
    },
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"studio-worker {__version__}")
        raise typer.Exit


@app.callback(help=help_words.ABOUT)
def root(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="PATH", help=help_words.CONFIG, show_default=False),
    ] = None,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            help=help_words.VERBOSE,
            show_default=False,
        ),
    ] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help=help_words.QUIET)] = False,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help=help_words.VERSION),
    ] = False,
) -> None:
    """What stands before the command's name."""
    ctx.obj = replace(invocation_of(ctx), config_option=config, verbosity=-1 if quiet else verbose)


def run_command(arguments: list[str], shutdown: Shutdown | None = None) -> int:
    """Run the command and return its exit status (:class:`ExitCode`).

    ``shutdown`` is what already listens to signals, for ``run``.
    """
    try:
        code = _run(arguments, shutdown)
        sys.stdout.flush()
    except (StudioWorkerError, KeyboardInterrupt, OSError, UnicodeEncodeError) as error:
        return ended_by(error)
    return code


def ended_by(
    error: StudioWorkerError | KeyboardInterrupt | OSError | UnicodeEncodeError,
) -> int:
    """Say what ended the command, in one line, and return the exit status for it."""
    match error:
        case StudioWorkerError():
            _say(error)
            return exit_code_for(error)
        case KeyboardInterrupt():
            _say("interrupted")
            return ExitCode.INTERRUPTED
        case BrokenPipeError():
            return _reader_went_away()
        case OSError():
            _say(_describe(error))
        case UnicodeEncodeError():
            _say(
                f"{error.object[:200]!r} cannot be the name of a file while this locale is in "
                "force; set LC_ALL=C.UTF-8, or PYTHONUTF8=1"
            )
    return ExitCode.FAILED


def _run(arguments: list[str], shutdown: Shutdown | None) -> int:
    command = typer.main.get_command(app)
    try:
        command.main(arguments, prog_name=help_words.PROGRAM, obj=Invocation(shutdown=shutdown))
    except SystemExit as stop:
        # How typer ends: after usage errors, --help, typer.Exit and a closed pipe. It also
        # swallows KeyboardInterrupt into this status, without a word.
        if stop.code == ExitCode.INTERRUPTED:
            raise KeyboardInterrupt from None
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return ExitCode.OK


def _say(message: object) -> None:
    try:
        lines = without_secrets(str(message)).splitlines()
        shown = "\n  ".join(printable(line) for line in lines)
        typer.echo(f"studio-worker: {shown}", err=True)
    except OSError:
        # Nobody can read standard error any more; the exit status still tells.
        return


def _describe(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


def _reader_went_away() -> int:
    # `studio-worker … | head` is no failure of ours worth a word; keep the interpreter's
    # flush at exit from complaining about it.
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.FAILED
