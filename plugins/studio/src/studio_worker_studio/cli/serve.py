"""``studio serve``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from studio_worker_studio.cli.places import (
    Database,
    DataDirectory,
    data_directory,
    postgres_address,
)
from studio_worker_studio.cli.serve_options import (
    AutoApprove,
    BehindProxy,
    Host,
    IsPublic,
    KeepJobs,
    KeepLogs,
    KeepResults,
    OperatorTokenFile,
    Port,
    PortFile,
    Verbose,
)

if TYPE_CHECKING:
    from studio_worker_studio.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(serve)


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8765,
    data: DataDirectory = None,
    database: Database = None,
    operator_token_file: OperatorTokenFile = None,
    port_file: PortFile = None,
    auto_approve: AutoApprove = False,
    public: IsPublic = False,
    behind_proxy: BehindProxy = None,
    keep_results: KeepResults = None,
    keep_jobs: KeepJobs = 90,
    keep_logs: KeepLogs = 30,
    verbose: Verbose = False,
) -> None:
    """Serve a studio until SIGTERM or Ctrl-C.

    Prints one line on standard output: where it listens. On the first start the operator
    token is shown once, on standard error.
    """
    from studio_worker_studio.settings import Settings

    settings = Settings(
        data=data_directory(data),
        postgres=postgres_address(database),
        token_file=operator_token_file and operator_token_file.expanduser(),
        auto_approve=auto_approve,
        trusted_proxies=tuple(_networks(behind_proxy or ())),
        keep_results_seconds=_seconds(keep_results),
        keep_jobs_seconds=_seconds(keep_jobs),
        keep_logs_seconds=_seconds(keep_logs),
    )
    _serve(settings, host, port, port_file, public=public, verbose=verbose)


def _serve(
    settings: Settings, host: str, port: int, port_file: Path | None, *, public: bool, verbose: bool
) -> None:
    import logging

    from studio_worker_core.log_lines import LineFormatter
    from studio_worker_studio.open_files import raise_limit
    from studio_worker_studio.server import (
        StudioServer,
        is_loopback,
        listen,
        reachable_urls,
        url_of,
    )
    from studio_worker_studio.studio import Studio

    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(LineFormatter("%Y-%m-%d %H:%M:%S"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[lines])
    with listen(host, port) as bound:
        studio, new_token = Studio.open(settings)
        if new_token is not None:
            typer.echo(
                f"operator token, shown once and kept in {settings.operator_token_file}: "
                f"{new_token}",
                err=True,
            )
        if not is_loopback(bound):
            _tell_reachable(reachable_urls(bound), public=public)

        files = raise_limit()
        if files is not None:
            typer.echo(
                f"up to {files} files and connections at once (the limit of open files)", err=True
            )

        def on_started() -> None:
            if port_file is not None:
                _write_port(port_file, bound.getsockname()[1])
            typer.echo(f"studio listening on {url_of(bound)}")
            sys.stdout.flush()

        StudioServer(studio, on_started=on_started).run(sockets=[bound])


def _networks(given: Iterable[str]) -> Iterator[str]:
    """
    Raises:
        typer.BadParameter: one is no address and no network.
    """
    import ipaddress

    for text in given:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            reason = f"'{text}' is no address and no network, such as 127.0.0.1 or 10.0.0.0/8"
            raise typer.BadParameter(reason, param_hint="--behind-proxy") from None
        yield text


def _tell_reachable(urls: list[str], *, public: bool) -> None:
    where = " ".join(urls) or "this machine's addresses"
    typer.echo(f"others reach it at {where} (plain HTTP)", err=True)
    if not public:
        typer.echo(
            "warning: over plain HTTP everybody on the way can read tokens and results; put a TLS "
            "reverse proxy in front, or say --public",
            err=True,
        )


def _seconds(days: float | None) -> float | None:
    """0 stands for never, as None does: nobody means to remove everything at once."""
    return days * 86_400.0 if days else None


def _write_port(file: Path, port: int) -> None:
    from studio_worker_core.storage.atomic import replacing

    # Whoever waits for the file must never see it half written.
    with replacing(file, sync=False) as waiting:
        waiting.write(f"{port}\n".encode())
