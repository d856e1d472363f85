"""The console script: signals first, everything that takes time to import after them.

Before both comes what needs neither: ``--help`` and ``--version``.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status (:class:`.ExitCode`).

    With ``arguments`` it is called from within a program, whose signals are its own.
    """
    if arguments is not None:
        return _command()(arguments)
    _mend_streams()
    arguments = sys.argv[1:]
    code = _answered_quickly(arguments)
    if code is not None:
        return code
    import signal

    # Until there is something to say "interrupted", Ctrl-C just ends the process.
    interrupt = signal.signal(signal.SIGINT, signal.SIG_DFL)
    if _name(arguments) != "run":
        command = _command()
        signal.signal(signal.SIGINT, interrupt)
        return command(arguments)
    from studio_worker_core.worker.shutdown import Shutdown

    with Shutdown() as shutdown:
        return _command()(arguments, shutdown)


def _answered_quickly(arguments: list[str]) -> int | None:
    from studio_worker_core.cli.quick_help import quick_answer

    try:
        answer = quick_answer(arguments)
        if answer is None:
            return None
        sys.stdout.write(answer)
        sys.stdout.flush()
    except (OSError, KeyboardInterrupt) as error:
        from studio_worker_core.cli.root import ended_by

        return ended_by(error)
    return 0


def _mend_streams() -> None:
    """Open what was closed at the start, and let any text be written in any locale."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # Or the next file that is opened would take the place of, say, standard error.
            os.open(os.devnull, os.O_RDWR)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123
        elif name != "stdin":
            stream.reconfigure(errors="backslashreplace")


def _command() -> Callable[..., int]:
    from studio_worker_core.cli.root import run_command

    return run_command


def _name(arguments: list[str]) -> str | None:
    """The command's name, without understanding the command line."""
    rest = iter(arguments)
    for argument in rest:
        if argument == "--config":
            next(rest, None)
        elif not argument.startswith("-"):
            return argument
    return None


if __name__ == "__main__":
    sys.exit(main())
