"""``studio-worker api``: where the running worker answers programs of this machine, and how."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.cli.status import running_worker
from studio_worker_core.config import ConfigStore
from studio_worker_core.errors import NotRunning
from studio_worker_core.local_api.discovery import NAME, Discovery, read
from studio_worker_core.local_api.lan import url_for_others
from studio_worker_core.terminal import print_json

app = typer.Typer(rich_markup_mode=None)


@app.command()
def api(
    ctx: typer.Context,
    as_json: Annotated[
        bool, typer.Option("--json", help="Address and token for a program, as one object.")
    ] = False,
    curl: Annotated[bool, typer.Option("--curl", help="A call to copy, token included.")] = False,
) -> None:
    """Show where the local API of the running worker is, and how to use it.

    Programs of this machine use it like OpenAI's: pictures, speech, transcripts, chats. The token
    is shown with --json and --curl only.
    """
    store = ConfigStore(invocation_of(ctx).config_path)
    found = running_api(store)
    settings = store.load().api
    others = url_for_others(settings) if settings.listen else None
    if as_json:
        shown = {"url": found.url, "token": found.token, "openaiBaseUrl": f"{found.url}/v1"}
        print_json(shown if others is None else {**shown, "urlForOthers": others})
    elif curl:
        header = shlex.quote(f"Authorization: Bearer {found.token}")
        typer.echo(f"curl -H {header} {found.url}/v1/models")
    else:
        typer.echo(_how(found, store.directory / NAME))
        if others is not None:
            typer.echo(f"\nOther machines reach it at {others}, with the same token.")


def running_api(store: ConfigStore) -> Discovery:
    """Where the running worker's local API is. Raises :class:`NotRunning`."""
    if running_worker(store.lock_path) is None:
        raise NotRunning(
            f"no worker runs on {store.directory}; start one with 'studio-worker run', or "
            "'studio-worker serve' without a studio",
            path=store.lock_path,
        )
    found = read(store.directory)
    if found is None:
        raise NotRunning(
            f"the worker on {store.directory} has no local API; see 'api.enabled' in its "
            "configuration and its log",
            path=store.directory / NAME,
        )
    return found


def _how(found: Discovery, file: Path) -> str:
    variable = "set" if os.name == "nt" else "export"
    return (
        f"The local API is at {found.url}; its token is in {file}.\n"
        "\n"
        "For any client of OpenAI's API:\n"
        f"  {variable} OPENAI_BASE_URL={found.url}/v1\n"
        f"  {variable} OPENAI_API_KEY=…    the token; 'studio-worker api --json' prints it\n"
        "\n"
        "Models: GET /v1/models. Pictures: POST /v1/images/generations. Speech: POST\n"
        "/v1/audio/speech. Transcripts: POST /v1/audio/transcriptions. Chats: POST\n"
        "/v1/chat/completions, /v1/responses. Video: POST /video. A call to try:\n"
        "'studio-worker api --curl'."
    )
