"""``studio serve``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["add_to", "serve"]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(serve)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")
    ] = 8765,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            envvar="STUDIO_DATA",
            help="Where the database, the results and the operator token are.",
            show_default=False,
        ),
    ] = None,
    operator_token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Operator token; made when the file does not exist. "
            "Default: operator-token in the data directory.",
            show_default=False,
        ),
    ] = None,
    port_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the port here once listening.", show_default=False
        ),
    ] = None,
    auto_approve: Annotated[
        bool, typer.Option("--auto-approve", help="Let in every worker that asks, at once.")
    ] = False,
    public: Annotated[
        bool,
        typer.Option(
            "--public", help="Yes, others may reach it: no warning about plain HTTP (see TLS)."
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log sessions and requests.")
    ] = False,
) -> None:
    """Serve a studio until SIGTERM or Ctrl-C.

    Prints one line on standard output: where it listens. On the first start the operator
    token is shown once, on standard error.
    """
    import logging

    from studio_worker_studio.server import StudioServer, is_loopback, listen, url_of
    from studio_worker_studio.settings import Settings, default_data_directory
    from studio_worker_studio.studio import Studio

    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    settings = Settings(
        data=(data or default_data_directory()).expanduser().absolute(),
        token_file=operator_token_file and operator_token_file.expanduser(),
        auto_approve=auto_approve,
    )
    with listen(host, port) as bound:
        studio, new_token = Studio.open(settings)
        if new_token is not None:
            typer.echo(
                f"operator token, shown once and kept in {settings.operator_token_file}: "
                f"{new_token}",
                err=True,
            )
        if not (is_loopback(bound) or public):
            typer.echo(
                f"warning: {host} can be reached by others over plain HTTP, tokens and results "
                "included; put a TLS reverse proxy in front, or say --public",
                err=True,
            )

        def on_started() -> None:
            if port_file is not None:
                _write_port(port_file, bound.getsockname()[1])
            typer.echo(f"studio listening on {url_of(bound)}")
            sys.stdout.flush()

        StudioServer(studio, on_started=on_started).run(sockets=[bound])


def _write_port(file: Path, port: int) -> None:
    # Whoever waits for the file must never see it half written.
    waiting = file.with_name(file.name + ".new")
    waiting.write_text(f"{port}\n", "utf-8")
    waiting.replace(file)
