"""What stands in for a command while the plugin that brings it is not installed."""

from __future__ import annotations

import typer

from studio_worker_core.errors import PluginError

demo_app = typer.Typer(rich_markup_mode=None)


@demo_app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def demo() -> None:
    """See everything work, on this machine alone. Comes with the extra 'studio'."""
    raise PluginError("the demo needs a studio; run: pip install 'studio-worker[studio]'")
