"""``studio models``."""

from __future__ import annotations

import typer

from studio_worker_studio.cli.options import DEFAULT_URL, AsJson, StudioUrl, TokenFile


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(models)


def models(
    studio_url: StudioUrl = DEFAULT_URL, token_file: TokenFile = None, as_json: AsJson = False
) -> None:
    """The models that 'submit --model' may name."""
    from studio_worker_core.terminal import print_json
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.output import print_table

    found = list(connect(studio_url, token_file).items("/models", None))
    if as_json:
        print_json(found)
        return
    rows = [
        [
            model["id"],
            model.get("kind", "any"),
            model["source"]["engine"],
            f"{model['vramGbEstimate']:g} GB",
            "yes" if model["enabled"] else "no",
            model["displayName"],
        ]
        for model in found
    ]
    headings = ["model", "kind", "engine", "GPU memory", "enabled", "name"]
    print_table(headings, rows, "the registry is empty")
