"""The words of ``studio-worker --help``, for both that write it: :mod:`.root`, and
:mod:`.quick_help`, which takes less time. Nothing is imported here."""

from __future__ import annotations

PROGRAM = "studio-worker"
USAGE = "[OPTIONS] COMMAND [ARGS]..."

ABOUT = """Run image, speech, video, chat and transcription jobs for a studio.

Engines are plugins: install one with pip and it is served. The options --config, -v and
--quiet apply to every command, before or after its name."""

CONFIG = "Config file to use."
VERBOSE = "Say more; twice for libraries too."
QUIET = "Warnings and errors only."
VERSION = "Show the version and exit."

OPTIONS = (
    ("--config PATH", CONFIG),
    ("-v, --verbose", VERBOSE),
    ("-q, --quiet", QUIET),
    ("--version", VERSION),
    ("--install-completion", "Install completion for the current shell."),
    (
        "--show-completion",
        "Show completion for the current shell, to copy it or customize the installation.",
    ),
    ("-h, --help", "Show this message and exit."),
)
"""What typer adds by itself has typer's words."""

EXIT_CODES = {
    0: "done",
    1: "failed, the message says why",
    2: "the command line cannot be understood",
    3: "the configuration cannot be used",
    4: "the studio, or another server, cannot be reached",
    5: "the studio refused or rejected",
    6: "a worker already runs on this configuration",
    130: "interrupted (Ctrl-C)",
}

EPILOG = (
    """Examples:
  studio-worker demo                        see everything work, on this machine alone
  studio-worker register --api-base-url https://studio.example/
  studio-worker run                         serve jobs until Ctrl-C
  studio-worker engines list                what is installed, and what is broken and why
  studio-worker status --json | jq .registration
  studio-worker --config ~/second.toml run  a second worker beside the first

Exit codes:
"""
    + "".join(f"  {code:<4} {meaning}\n" for code, meaning in EXIT_CODES.items())
    + """
Environment: STUDIO_WORKER_CONFIG (config file), STUDIO_WORKER_PLUGINS (allow-list of
plugins, empty for none), NO_COLOR (no colours).
"""
)

MOST_COLUMNS = 100
