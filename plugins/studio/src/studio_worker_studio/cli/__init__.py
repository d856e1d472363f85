"""``studio-worker studio …``. Light: what a command needs is imported when it runs."""

from __future__ import annotations

import typer

from studio_worker_studio.cli import check, databases, jobs, logs, models, serve, submit, workers

__all__ = ["app"]

# The mark keeps the lines of the examples as they are.
_EPILOG = """\b
Examples:
  studio-worker studio serve --data ./studio
  studio-worker studio approve rr-3f0c…
  studio-worker studio submit --kind image --model procedural --prompt 'a calm sea' --wait -o .
  studio-worker studio jobs --state failed --json
  studio-worker studio job 3f0c

\b
Jobs, workers and requests are named by their id or its beginning, when no other has it.
The commands talk to the studio at STUDIO_URL (default http://127.0.0.1:8765/) with the
operator token in STUDIO_OPERATOR_TOKEN, or of the data directory (STUDIO_DATA) of a studio
on this machine.
"""

app = typer.Typer(
    name="studio",
    help="Serve a studio of your own, and operate it.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

for module in (serve, check, databases, workers, submit, jobs, logs, models):
    module.add_to(app)
